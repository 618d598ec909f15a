"""Schema `ops` as the graph sees it: decisions of people and the ledger, written outside of it.

Flows in: nothing. Flows out: external assets, so that lineage shows where an approval comes in.
They are no outputs of the publish asset: the publish list reads them and publishing writes
them, a cycle.
"""

from pathlib import Path

import dagster as dg

from orchestration.domains import DECISIONS, OPERATIONS, docs_metadata

TABLES = {
    "load_runs": "What every load read, wrote and rejected: proves or rules out a gap.",
    "rejected_rows": "Source rows that break the contract: raw + rejected = source.",
    "cutover_gates": "Who opened or closed a subscription's gate, and from which period.",
    "cause_acceptances": "Explained differences that a person accepted, by name.",
    "exception_acknowledgements": "Exceptions seen by a person, until their facts change.",
    "line_approvals": "Approvals of lines at their content hash: without one nothing is published.",
    "line_approval_status": "What the approvals of a line amount to: a view, the one law.",
    "approval_policies": "Who may approve what by rule, and above which amount two people must.",
    "publications": "Documents frozen at claim: what was sent to Odoo, and what came of it.",
    "publication_lines": "Their lines, frozen: a line is in one unreleased document only.",
    "publication_events": "Every attempt at publishing and its outcome.",
    "publication_findings": "What was noticed about a document after it was published: a view.",
    "lifecycle_events": "Lifecycle events, frozen once emitted.",
    "webhook_deliveries": "Where each event stands on its way to the app.",
    "webhook_attempts": "Every attempt at delivering, with status and duration.",
    "termination_releases": "Terminations that a person released: the app deprovisions on them.",
    "credit_requests": "Credit notes that a person asked for.",
    "import_rows": "What the importer wrote to Odoo, field by field, and proposed last.",
}  # fmt: skip


def ledger() -> list[dg.AssetSpec]:
    """One external asset a table of `ops` that the graph reads."""
    return [
        dg.AssetSpec(
            dg.AssetKey(["ops", name]),
            description=why,
            group_name=DECISIONS,
            kinds={"postgres", "ops"},
            owners=[OPERATIONS],
            metadata={
                **docs_metadata(DECISIONS, Path(__file__)),
                "dagster/table_name": f"ops.{name}",
            },
        )
        for name, why in TABLES.items()
    ]
