"""The month-end sheet: what an auditor asks of a month, part by part.

In: a session that reads the marts and `ops`, and the first day of a month. Out: the rows of each
part, exact. The page, the files that leave and what is kept when a month is closed are this sheet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from connections.builds import serving_of
from connections.months import in_month

Row = dict[str, Any]
Sheet = Mapping[str, list[Row]]
Kind = Literal["text", "money", "quantity", "status", "words", "tight", "instant"]


class Titled(NamedTuple):
    """A titled column of a part: its name in the rows, its heading, how its values are written."""

    name: str
    label: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Part:
    """A table of the sheet. `keys` tell its rows apart; without them it is not of the month alone,
    and a later sheet is not compared with it.
    """

    name: str
    title: str
    says: str
    query: str
    columns: tuple[Titled, ...]
    nothing: str
    keys: tuple[str, ...] = ()

    @property
    def figures(self) -> tuple[Titled, ...]:
        """The columns that are amounts and counts."""
        return tuple(each for each in self.columns if each.kind in ("money", "quantity"))

    @property
    def has_currency(self) -> bool:
        return any(each.kind == "money" for each in self.columns)


_SIDES = """
    select
        service, currency, sum(period_count)::int as rows,
        coalesce(sum(period_count) filter (where status = 'match'), 0)::int as matching,
        coalesce(sum(period_count) filter (where status = 'explained'), 0)::int as explained,
        coalesce(sum(period_count) filter (where status not in ('match', 'explained')), 0)::int
            as open_rows,
        sum(expected_amount) as expected_amount, sum(actual_amount) as actual_amount,
        sum(billed_amount) as billed_amount, sum(delta_amount) as delta_amount,
        sum(explained_amount) as explained_amount, sum(unexplained_amount) as unexplained_amount
    from {marts}.rpt_reconciliation_by_month
    where period_month = %(month)s
    group by service, currency
    order by service, currency
"""
_CAUSES = """
    select service, currency, cause, subscription_count, leakage_amount, overbilling_amount,
        waiting_amount, delta_amount
    from {marts}.rpt_money_at_stake
    where period_month = %(month)s
    order by service, currency, abs(delta_amount) desc, cause
"""
# A day around the month first, whatever the clock: a range that an index knows.
LINE_OF_MONTH = f"""
    l.service_period_start >= %(month)s::date - interval '1 day'
    and l.service_period_start < %(month)s::date + interval '1 month 1 day'
    and {in_month("l.service_period_start", "s.timezone")}
"""
_LINES = f"""
    select
        l.service, l.currency,
        case when l.is_published then 'published' when l.is_approved then 'approved'
            when l.is_approvable then 'waiting' else 'blocked' end as state,
        count(*)::int as line_count, sum(l.amount) as amount
    from {{serving}}.fct_invoice_line_status as l
    inner join {{marts}}.dim_services as s on l.service = s.service
    where {LINE_OF_MONTH}
    group by 1, 2, 3
    order by 1, 2, 3
"""
_DOCUMENTS = f"""
    select
        p.service, p.currency, p.move_type, p.state,
        coalesce(p.odoo_state, 'unknown') as odoo_state,
        count(*)::int as document_count, sum(p.expected_untaxed_amount) as expected_untaxed_amount,
        sum(p.expected_tax_amount) as expected_tax_amount,
        sum(p.expected_total_amount) as expected_total_amount,
        sum(p.odoo_total_amount) as odoo_total_amount,
        sum(coalesce(p.odoo_total_amount, 0) - p.expected_total_amount) as difference_amount
    from ops.publications as p
    inner join {{marts}}.dim_services as s on p.service = s.service
    where {in_month("p.billing_period_start", "s.timezone")}
    group by 1, 2, 3, 4, 5
    order by 1, 2, 3, 4, 5
"""
_DECISIONS = f"""
    with decided as (
        select
            decided_by, decision, policy_version, currency, amount, decided_at,
            content ->> 'service' as service,
            (content ->> 'service_period_start')::timestamptz as period_start
        from ops.line_approvals
        union all
        select accepted_by, 'accepted cause', null, currency, amount, accepted_at, service,
            period_start
        from ops.cause_acceptances
        union all
        select asked.requested_by, 'asked for credit', null, asked.currency, asked.amount,
            asked.requested_at, credits.service, credits.service_period_start
        from ops.credit_requests as asked
        inner join ops.credit_lines as credits on asked.credit_id = credits.credit_id
    )

    select decided_by, decision, policy_version, currency, count(*)::int as decision_count,
        sum(amount) as amount, min(decided_at) as first_at, max(decided_at) as last_at
    from decided
    inner join {{marts}}.dim_services as s on decided.service = s.service
    where {in_month("period_start", "s.timezone")}
    group by decided_by, decision, policy_version, currency
    order by decided_by, decision, policy_version, currency
"""
_USAGE_LEFT_OUT = f"""
    select u.service, u.metric, u.reason, u.severity, count(*)::int as record_count,
        sum(u.quantity) as quantity
    from {{marts}}.fct_usage_exceptions as u
    left join {{marts}}.dim_services as s on u.service = s.service
    where {in_month("u.event_at", "coalesce(s.timezone, 'UTC')")} or u.event_at is null
    group by 1, 2, 3, 4
    order by u.severity, count(*) desc, u.reason
"""
_EXCEPTIONS = """
    select severity, kind, currency, count(*)::int as exception_count,
        count(*) filter (where is_blocking)::int as blocking_count,
        sum(stake_amount) as stake_amount, max(age_days) as oldest_days
    from {serving}.fct_billing_exceptions
    where is_open
    group by severity, kind, currency
    order by array_position(array['critical', 'high', 'medium', 'low'], severity), kind, currency
"""
_LOADS = """
    select distinct on (source, table_name)
        source, table_name, finished_at, read_count, created_count, updated_count, rejected_count,
        deleted_count, watermark_to
    from ops.load_runs
    where status = 'succeeded' and not is_dry_run
    order by source, table_name, load_run_id desc
"""
_TAXES = """
    select issuer, document_state, service, province, currency, invoice_count,
        net_amount, tax_amount, province_tax_amount, difference_amount
    from {marts}.rpt_tax_by_province
    where tax_month = %(month)s
    order by currency, document_state desc, issuer, province, service
"""
_SERVICE = Titled("service", "Service")

PARTS = (
    Part(
        "sides", "Three sides",
        "Expected less what was invoiced is the delta, explained or not.", _SIDES,
        (
            _SERVICE, Titled("expected_amount", "Expected", "money"),
            Titled("actual_amount", "Invoiced", "money"),
            Titled("billed_amount", "Billed", "money"), Titled("delta_amount", "Delta", "money"),
            Titled("explained_amount", "Explained", "money"),
            Titled("unexplained_amount", "Unexplained", "money"),
            Titled("rows", "Periods", "quantity"), Titled("matching", "Match", "quantity"),
            Titled("explained", "Explained", "quantity"), Titled("open_rows", "Open", "quantity"),
        ),
        "No service period began in this month.", ("service", "currency"),
    ),
    Part(
        "causes", "Causes of the differences", "Each cent of the delta, by name.", _CAUSES,
        (
            _SERVICE, Titled("cause", "Cause", "status"),
            Titled("subscription_count", "Subscriptions", "quantity"),
            Titled("leakage_amount", "Leakage", "money"),
            Titled("overbilling_amount", "Overbilling", "money"),
            Titled("waiting_amount", "Waiting", "money"), Titled("delta_amount", "Delta", "money"),
        ),
        "There is no difference.", ("service", "currency", "cause"),
    ),
    Part(
        "lines", "Lines", "Of service periods that began in this month.", _LINES,
        (
            _SERVICE, Titled("state", "State", "status"), Titled("line_count", "Lines", "quantity"),
            Titled("amount", "Net", "money"),
        ),
        "Nothing was rated.", ("service", "currency", "state"),
    ),
    Part(
        "documents", "Documents",
        "Of this billing period; the difference between what was approved and what Odoo holds must"
        " be zero.", _DOCUMENTS,
        (
            _SERVICE, Titled("move_type", "Type", "words"), Titled("state", "State", "status"),
            Titled("odoo_state", "In Odoo", "status"),
            Titled("document_count", "Documents", "quantity"),
            Titled("expected_untaxed_amount", "Net", "money"),
            Titled("expected_tax_amount", "Tax", "money"),
            Titled("expected_total_amount", "Total", "money"),
            Titled("odoo_total_amount", "Total in Odoo", "money"),
            Titled("difference_amount", "Difference", "money"),
        ),
        "Nothing was published.", ("service", "currency", "move_type", "state", "odoo_state"),
    ),
    Part(
        "decisions", "Decisions",
        "Who approved, rejected, accepted or asked to credit how much.", _DECISIONS,
        (
            Titled("decided_by", "Who"), Titled("decision", "Decision", "status"),
            Titled("policy_version", "Policy"), Titled("decision_count", "Decisions", "quantity"),
            Titled("amount", "Net", "money"), Titled("first_at", "First", "instant"),
            Titled("last_at", "Last", "instant"),
        ),
        "Nobody decided about this month.",
        ("decided_by", "decision", "policy_version", "currency"),
    ),
    Part(
        "usage_left_out", "Usage on no line",
        "Every other record of the month is on exactly one line.", _USAGE_LEFT_OUT,
        (
            _SERVICE, Titled("metric", "Metric", "words"),
            Titled("reason", "Why it is on no line", "status"),
            Titled("severity", "Severity", "status"),
            Titled("record_count", "Records", "quantity"),
            Titled("quantity", "Quantity", "quantity"),
        ),
        "Every usage record is on a line.", ("service", "metric", "reason", "severity"),
    ),
    Part(
        "exceptions", "Open exceptions", "Of all months, as they stand now.", _EXCEPTIONS,
        (
            Titled("severity", "Severity", "status"), Titled("kind", "Kind", "status"),
            Titled("exception_count", "Open", "quantity"),
            Titled("blocking_count", "Blocking", "quantity"),
            Titled("stake_amount", "At stake", "money"),
            Titled("oldest_days", "Oldest, days", "quantity"),
        ),
        "No exception is open.",
    ),
    Part(
        "loads", "Loads", "The latest of each table.", _LOADS,
        (
            Titled("source", "Source"), Titled("table_name", "Table", "tight"),
            Titled("finished_at", "Loaded", "instant"), Titled("read_count", "Read", "quantity"),
            Titled("created_count", "New", "quantity"),
            Titled("updated_count", "Changed", "quantity"),
            Titled("deleted_count", "Deleted", "quantity"),
            Titled("rejected_count", "Rejected", "quantity"),
        ),
        "Nothing was loaded.",
    ),
    Part(
        "taxes", "Tax by province",
        "By month of issue: what was charged, and what the province's rates ask.", _TAXES,
        (
            Titled("issuer", "Issuer", "words"), Titled("document_state", "State", "words"),
            Titled("province", "Province"), Titled("invoice_count", "Invoices", "quantity"),
            Titled("net_amount", "Net", "money"), Titled("tax_amount", "Tax charged", "money"),
            Titled("province_tax_amount", "By the province's rates", "money"),
            Titled("difference_amount", "Difference", "money"),
        ),
        "No invoice was issued in this month.",
        ("service", "currency", "issuer", "document_state", "province"),
    ),
)  # fmt: skip


def sheet(conn: Connection, marts: str, month: date) -> Sheet:
    """Part name -> its rows; whoever needs one build for all of them pins it."""
    return {part.name: ask(conn, marts, part.query, month) for part in PARTS}


def ask(conn: Connection, marts: str, query: str, month: date) -> list[Row]:
    """The rows of a query about a month; {marts} and {serving} stand for the schemas."""
    text = query.replace("{marts}", marts).replace("{serving}", serving_of(marts))
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(text, {"month": month})
        return [dict(row) for row in cursor.fetchall()]
