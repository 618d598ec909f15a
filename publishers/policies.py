"""Rules that approve: written down with a version, and named as the approver of what they approve.

In: policies in `ops.approval_policies` (each counts until a later one names it as replaced, and the
strictest of all that count binds), line status from the marts, what was published before. Out: rows
of `ops.line_approvals`, `policy:<version>`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from connections.builds import serving_of
from publishers.approvals import Decisions, ProposedLine, Seen, approve, proposed
from publishers.identities import speak_for
from publishers.ledger import lock_decisions


class PolicyError(ValueError):
    """A policy that cannot be written down, and how to fix it."""


@dataclass(frozen=True)
class Policy:
    """When a line needs two people, and when none: amounts net of tax, in `currency`.

    `replaces` names the versions of the same service and currency that no longer count.
    """

    policy_version: str
    currency: str
    service: str | None = None
    is_automatic: bool = False
    within_percent: Decimal | None = None
    four_eyes_amount: Decimal | None = None
    replaces: tuple[str, ...] = ()


def set_policy(conn: Connection, policy: Policy, *, by: str, note: str | None = None) -> None:
    """Put a policy in force beside those that are; a version is used once.

    Only what it names in `replaces` goes out of force: a looser policy alone loosens nothing.
    """
    if not by.strip():
        raise PolicyError("a policy needs a name: say who puts it in force")
    _check(policy)
    with conn, conn.cursor() as cursor:
        lock_decisions(cursor)
        speak_for(cursor, by, "policy_owner")
        _check_replaced(cursor, policy)
        cursor.execute(
            "insert into ops.approval_policies (policy_version, service, currency, is_automatic,"
            " within_percent, four_eyes_amount, replaces, note)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (policy_version) do nothing"
            " returning policy_id",
            (
                policy.policy_version,
                policy.service,
                policy.currency.strip().upper(),
                policy.is_automatic,
                policy.within_percent,
                policy.four_eyes_amount,
                list(policy.replaces),
                note,
            ),
        )
        if cursor.fetchone() is None:
            raise PolicyError(f"policy {policy.policy_version} exists already: name a new version")


def _check(policy: Policy) -> None:
    if policy.is_automatic and policy.within_percent is None:
        raise PolicyError("an automatic policy needs within_percent: how far may an amount move?")
    percent, amount = policy.within_percent, policy.four_eyes_amount
    if percent is not None and not (percent.is_finite() and 0 <= percent <= 100):
        raise PolicyError(f"within_percent is {percent}: it is a number from 0 to 100")
    if amount is not None and not (amount.is_finite() and amount >= 0):
        raise PolicyError(f"four_eyes_amount is {amount}: it is an amount of 0 or more")


def _check_replaced(cursor: Any, policy: Policy) -> None:
    cursor.execute(
        "select policy_version from ops.policies_in_force"
        " where currency = %s and service is not distinct from %s",
        (policy.currency.strip().upper(), policy.service),
    )
    in_force = {version for (version,) in cursor.fetchall()}
    if unknown := sorted(set(policy.replaces) - in_force):
        raise PolicyError(
            f"{', '.join(unknown)} is not in force for {policy.service or 'all services'} in"
            f" {policy.currency}: there is {', '.join(sorted(in_force)) or 'none'}"
        )


# Only what a person has not said no to, with nothing in its way, and like what was billed before:
# the same charge of the same subscription in its latest earlier period that stands in Odoo.
_CANDIDATES = """
select
    lines.*, policy.policy_version, policy.within_percent, before.amount as last_amount,
    (
        select coalesce(max(approval_id), 0) from ops.line_approvals as said
        where said.line_key = lines.line_key
    ) as last_decision_id
from {serving}.fct_invoice_line_status as lines
cross join lateral (
    select
        (array_agg(policies.policy_version order by policies.within_percent, policies.policy_id)
            filter (where policies.is_automatic))[1] as policy_version,
        min(policies.within_percent) filter (where policies.is_automatic) as within_percent,
        min(policies.four_eyes_amount) as four_eyes_amount,
        -- Where a service has policies of its own, one of them has to allow it.
        bool_or(policies.is_automatic and policies.service is not null)
        or bool_or(policies.is_automatic) and not bool_or(policies.service is not null)
            as is_automatic
    from ops.policies_in_force as policies
    where policies.currency = upper(lines.currency)
        and (policies.service = lines.service or policies.service is null)
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
    and not exists (
        select from ops.line_approvals as said
        where said.line_key = lines.line_key and said.decision <> 'approve' and not exists (
            select from ops.line_approvals as later
            where later.line_key = said.line_key and later.approval_id > said.approval_id
                and later.decision = 'approve' and later.policy_version is null
        )
    )
    and lines.corrects_period_start is null
    and abs(lines.amount) < coalesce(policy.four_eyes_amount, abs(lines.amount) + 1)
    and abs(lines.amount - before.amount) <= abs(before.amount) * policy.within_percent / 100
order by lines.line_key
"""
_NOT_OF_THE_LINE = ("policy_version", "within_percent", "last_amount", "last_decision_id")


def approve_automatically(conn: Connection, schema: str = "marts") -> Decisions:
    """Approve what the policies in force allow, each line by `policy:<version>` with its reason."""
    found = _found(conn, schema)
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


def candidates(conn: Connection, schema: str = "marts") -> list[ProposedLine]:
    """The lines that `approve_automatically` would approve now."""
    return [_line(row) for row in _found(conn, schema)]


def _found(conn: Connection, schema: str) -> Sequence[dict[str, Any]]:
    with conn, conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(sql.SQL(_CANDIDATES).format(serving=sql.Identifier(serving_of(schema))))
        return [dict(row) for row in cursor]


def _why(row: dict[str, Any]) -> str:
    last = f"{row['last_amount']} {row['currency']}"
    return f"within {row['within_percent']} % of {last}, billed before"


def _line(row: dict[str, Any]) -> ProposedLine:
    return proposed({name: row[name] for name in row if name not in _NOT_OF_THE_LINE})
