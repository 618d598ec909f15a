"""Rules that approve: written down with a version, and named as the approver of what they approve.

In: policies in `ops.approval_policies` (the newest per service and currency counts), line status
from the marts, what was published before. Out: rows of `ops.line_approvals`, `policy:<version>`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from publishers.approvals import Decisions, ProposedLine, Seen, approve, proposed
from publishers.ledger import lock_decisions


class PolicyError(ValueError):
    """A policy that cannot be written down, with the mend."""


@dataclass(frozen=True)
class Policy:
    """When a line needs two people, and when none: amounts net of tax, in `currency`."""

    policy_version: str
    currency: str
    service: str | None = None
    is_automatic: bool = False
    within_percent: Decimal | None = None
    four_eyes_amount: Decimal | None = None


def set_policy(conn: Connection, policy: Policy, *, by: str, note: str | None = None) -> None:
    """Put a policy in force; the one before stays on record. A version is used once."""
    if not by.strip():
        raise PolicyError("a policy needs a name: say who puts it in force")
    if policy.is_automatic and policy.within_percent is None:
        raise PolicyError("an automatic policy needs within_percent: how far may an amount move?")
    with conn, conn.cursor() as cursor:
        lock_decisions(cursor)
        cursor.execute(
            "insert into ops.approval_policies (policy_version, service, currency, is_automatic,"
            " within_percent, four_eyes_amount, decided_by, note)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (policy_version) do nothing"
            " returning policy_id",
            (
                policy.policy_version,
                policy.service,
                policy.currency,
                policy.is_automatic,
                policy.within_percent,
                policy.four_eyes_amount,
                by.strip(),
                note,
            ),
        )
        if cursor.fetchone() is None:
            raise PolicyError(f"policy {policy.policy_version} exists already: name a new version")


# Only what a person has not said no to, with nothing in its way, and like what was billed before:
# the same charge of the same subscription in its latest earlier period that stands in Odoo.
_CANDIDATES = """
with policies as (
    select distinct on (coalesce(service, ''), currency) *
    from ops.approval_policies
    order by coalesce(service, ''), currency, policy_id desc
)

select
    lines.*, policy.policy_version, policy.within_percent, before.amount as last_amount,
    (
        select coalesce(max(approval_id), 0) from ops.line_approvals as said
        where said.line_key = lines.line_key
    ) as last_decision_id
from {marts}.fct_invoice_line_status as lines
cross join lateral (
    select * from policies
    where policies.currency = lines.currency
        and (policies.service = lines.service or policies.service is null)
    order by policies.service nulls last
    limit 1
) as policy
cross join lateral (
    select published.amount
    from ops.publication_lines as published
    inner join ops.publications using (document_key)
    where published.subscription_id = lines.subscription_id
        and published.service_period_end <= lines.service_period_start
        and published.kind = lines.kind
        and coalesce(published.charge, '') = coalesce(lines.charge, '')
        and coalesce(published.metric, '') = coalesce(lines.metric, '')
        and published.currency = lines.currency
        and published.corrects_period_start is null
        and published.released_at is null
        and publications.state = 'confirmed'
        and coalesce(publications.finding, 'posted') in ('posted', 'credited')
    order by published.service_period_start desc, published.segment_start desc nulls last
    limit 1
) as before
where policy.is_automatic
    and lines.is_approvable and not lines.is_approved
    and lines.approval_state not in ('rejected', 'revoked')
    and lines.corrects_period_start is null
    and abs(lines.amount) < coalesce(policy.four_eyes_amount, abs(lines.amount) + 1)
    and abs(lines.amount - before.amount) <= abs(before.amount) * policy.within_percent / 100
order by lines.line_key
"""
_NOT_OF_THE_LINE = ("policy_version", "within_percent", "last_amount", "last_decision_id")


def approve_automatically(conn: Connection, schema: str = "marts") -> Decisions:
    """Approve what the policies in force allow, each line by `policy:<version>` with its reason."""
    with conn, conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(sql.SQL(_CANDIDATES).format(marts=sql.Identifier(schema)))
        found: Sequence[dict[str, Any]] = [dict(row) for row in cursor]
    result = Decisions()
    for version in sorted({row["policy_version"] for row in found}):
        rows = [row for row in found if row["policy_version"] == version]
        lines, why = [_line(row) for row in rows], {row["line_key"]: _why(row) for row in rows}
        # What a person says between this look and the decision goes first.
        seen = Seen({row["line_key"]: row["last_decision_id"] for row in rows}, schema)
        by = f"policy:{version}"
        given = approve(conn, lines, by=by, note=why, policy_version=version, seen=seen)
        result.written += given.written
        result.unchanged += given.unchanged
        result.refused |= given.refused
    return result


def _why(row: dict[str, Any]) -> str:
    last = f"{row['last_amount']} {row['currency']}"
    return f"within {row['within_percent']} % of {last}, billed before"


def _line(row: dict[str, Any]) -> ProposedLine:
    return proposed({name: row[name] for name in row if name not in _NOT_OF_THE_LINE})
