"""What a person decides about subscriptions, in bulk or one by one, always by name.

Flows in: what the marts say is ready or explained, and a Decision (who, why). Flows out: rows of
ops.cause_acceptances and ops.cutover_gates, and how many; what was said already is not said again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.extensions import connection

from connections.settings import Settings
from orchestration.command_error import CommandError
from orchestration.queries import Filters, Row, how_many, in_period, select
from publishers import gates

_READINESS = """
    select r.*
    from {serving}.cutover_readiness as r
    where %(service)s is null or r.service = %(service)s
    order by r.is_ready desc, r.service, r.external_subscription_id
"""
# A gate opens at the first instant of a month on the service's clock: an anniversary period that
# began earlier stays the app's.
_MONTH_START = """
    select service, (%(month)s || '-01')::timestamp at time zone timezone as starts_at
    from {intermediate}.int_services
"""
_EXPLAINED = """
    select
        c.service, c.external_subscription_id, c.period_start, c.cause, c.amount, c.currency
    from {marts}.fct_reconciliation_causes as c
    inner join {marts}.fct_reconciliation as r
        on
            c.service = r.service
            and c.external_subscription_id = r.external_subscription_id
            and c.period_start = r.period_start
            and c.period_end = r.period_end
    inner join {intermediate}.int_services as services on c.service = services.service
    where
        r.status = 'explained'
        and {in_period}
        and (%(subscription)s is null or c.external_subscription_id = %(subscription)s)
        and not exists (
            select from ops.cause_acceptances as known
            where
                known.service = c.service
                and known.external_subscription_id = c.external_subscription_id
                and known.period_start = c.period_start
                and known.cause = c.cause
                and known.amount = c.amount
                and known.currency = c.currency
        )
    order by c.service, c.external_subscription_id, c.period_start, c.cause
"""
_OPEN_GATES = """
    select service, external_subscription_id, from_period_start, decided_by, note
    from {staging}.stg_ops__cutover_gates
    where is_open
"""


@dataclass(frozen=True)
class Decision:
    """Who decides, and why, in a sentence for whoever asks later."""

    by: str
    why: str


def subscriptions(conn: connection, settings: Settings, service: str | None = None) -> list[Row]:
    """Every subscription with its gates to readiness."""
    return select(conn, settings, _READINESS, {"service": service})


def accept_causes(
    conn: connection, settings: Settings, filters: Filters, decision: Decision
) -> list[Row]:
    """Accept the causes of explained differences that nobody accepted yet, all or none of them."""
    query = in_period(_EXPLAINED, "c.period_start")
    causes = select(conn, settings, query, filters.as_parameters())
    marts = settings.schema("marts")
    with gates.all_or_none(conn):
        for cause in causes:
            gates.accept_cause(conn, **cause, by=decision.by, note=decision.why, marts=marts)
    return causes


def open_gates(
    conn: connection,
    settings: Settings,
    chosen: Sequence[Row],
    month: str,
    decision: Decision,
) -> list[Row]:
    """Open the gates of the chosen subscriptions from `month` on, all or none; the new ones."""
    starts = {
        row["service"]: row["starts_at"]
        for row in select(conn, settings, _MONTH_START, {"month": month})
    }
    known = {
        (row["service"], row["external_subscription_id"], row["from_period_start"])
        for row in select(conn, settings, _OPEN_GATES)
    }
    meant = [(row, (row["service"], row["external_subscription_id"])) for row in chosen]
    opened = [row for row, key in meant if (*key, starts[key[0]]) not in known]
    with gates.all_or_none(conn):
        for row in opened:
            gates.open_gate(
                conn,
                service=row["service"],
                external_subscription_id=row["external_subscription_id"],
                from_period_start=starts[row["service"]],
                by=decision.by,
                note=decision.why,
            )
    return opened


def find(rows: Sequence[Row], subscription: str) -> Row:
    """The one subscription of that external id or of the one that begins so, or CommandError."""
    ids = [(row, row["external_subscription_id"], row["subscription_id"]) for row in rows]
    found = [row for row, *names in ids if subscription in names]
    found = found or [row for row, name, _ in ids if name.startswith(subscription)]
    if len(found) != 1:
        raise CommandError(how_many(subscription, found, "subscription", "billing readiness"))
    return found[0]
