"""publish: approved lines become drafts in Odoo; a dry run shows the very documents first."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.commands.options import Go, Json, Period, Service
from orchestration.names import DRAFTS_KEY, PUBLISH_OP
from orchestration.outcome import execute
from orchestration.warehouse import migrate
from publishers import drafts

Limit = Annotated[int | None, typer.Option(help="At most so many documents.", min=1)]
Publisher = Annotated[str, typer.Option("--by", help="Who publishes; kept in the ledger.")]


def publish(
    go: Go = False,
    period: Period = None,
    service: Service = None,
    limit: Limit = None,
    by: Publisher = "billing publish",
    json: Json = False,
) -> None:
    """Write approved lines to Odoo as draft invoices, exactly once. A dry run without --go.

    Example: [bold]billing publish --period 2026-05 --go[/]
    """
    settings = load_settings()
    config = {"period": period, "service": service, "limit": limit, "by": by}
    answer = publish_for_real(settings, **config) if go else dry_run(settings, **config)
    if json:
        render.print_json(answer)
    else:
        show(answer)
    if answer["failed"] or answer["quarantined"] or any(a["is_new"] for a in answer["alarms"]):
        raise typer.Exit(1)


def dry_run(settings: Settings, **config: Any) -> dict[str, Any]:
    """What would be written, straight from the publisher: it leaves no trace, not even a run."""
    migrate(settings)
    return drafts.publish(settings, go=False, **config).as_json()


def publish_for_real(settings: Settings, **config: Any) -> dict[str, Any]:
    """Publish through Dagster; the run's metadata is the report."""
    given = {name: value for name, value in config.items() if value is not None}
    outcome = execute(settings, "publish", {"ops": {PUBLISH_OP: {"config": {"go": True, **given}}}})
    if "/".join(DRAFTS_KEY) not in outcome.metadata:
        outcome.raise_if_failed()
    answer: dict[str, Any] = outcome.metadata["/".join(DRAFTS_KEY)]["report"]
    return answer


def show(answer: dict[str, Any]) -> None:
    """Print the documents with their totals, and the counts."""
    title = "Would be published (dry run: add --go)" if answer["dry_run"] else "Drafts in Odoo"
    columns = ["key", "odoo_id", "partner", "untaxed_amount", "tax_amount", "total_amount", "lines"]
    documents = [
        {**each, "lines": len(each["lines"]) if isinstance(each["lines"], list) else each["lines"]}
        for each in answer["documents"]
    ]
    counts = ", ".join(
        f"{answer[name]} {name}" for name in ("created", "unchanged", "failed", "quarantined")
    )
    render.stdout.print(render.table(title, documents, columns, caption=counts))
