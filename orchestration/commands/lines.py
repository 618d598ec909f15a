"""lines: what would be billed, the state of each line, and what stands in its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import connection

from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.commands.options import Customer, Json, Period, Service, Subscription
from orchestration.queries import LINE_ZONE, Filters, Row, in_period, reading, select, whole_id
from publishers import approvals, credits
from publishers.approvals import Change
from publishers.lines import Filters as LineFilters

_LINES = """
    select
        l.line_key, l.content_hash, l.service, l.external_subscription_id, l.external_customer_id,
        l.customer_name, l.description, l.kind, l.charge, l.metric, l.plan_code,
        l.service_period_start as period_start, l.service_period_end as period_end,
        l.billing_period_start, l.billing_period_end,
        l.quantity, l.included_quantity, l.billable_quantity, l.unit_price, l.exact_amount,
        l.amount, l.currency, l.price_source, l.is_billable,
        l.is_approved as approved, l.is_published as published, l.is_approvable as approvable,
        l.approval_state, l.approved_by, l.blocked_reason, l.document_key
    from {serving}.fct_invoice_line_status as l
    inner join {intermediate}.int_services as services on l.service = services.service
    where
        {in_period}
        and (%(service)s is null or l.service = %(service)s)
        and (%(subscription)s is null or l.external_subscription_id = %(subscription)s)
        and (%(customer)s is null or l.external_customer_id = %(customer)s)
    order by l.service_period_start, l.external_subscription_id, l.kind, l.line_key
"""
CHANGE = ("line", "approved_by", "what", "then", "now")
CREDIT = ("line", "customer", "description", "amount")
QUANTITIES = ("quantity", "included_quantity", "billable_quantity", "unit_price", "exact_amount")


def lines(
    period: Period = None,
    service: Service = None,
    subscription: Subscription = None,
    customer: Customer = None,
    json: Json = False,
) -> None:
    """List the lines that dbt proposes to bill, each with its approval and what blocks it.

    Example: [bold]billing lines --period 2026-05[/]
    """
    settings = load_settings()
    with reading(settings) as conn:
        whom = whole_id(conn, settings, subscription)
        rows = proposed_lines(conn, settings, Filters(period, service, whom, customer))
        marts = settings.schema("marts")
        asked = credits.rows(conn, LineFilters())
        known = LineFilters(line_keys=tuple(row["line_key"] for row in rows))
        changed = approvals.changes_since_approval(conn, known, marts) if rows else []
    answer = [as_json(row) for row in rows]
    if json:
        render.print_json(answer)
        return
    show(answer, period)
    if changed:
        render.stdout.print(render.table("Changed since approved", _changes(changed), CHANGE))
    if asked:
        render.stdout.print(render.table("Credits asked for", _credits(asked), CREDIT))


def _changes(changed: Sequence[Change]) -> list[Row]:
    """A row a changed value: an approval holds for the old one only."""
    return [
        {
            "line": change.line_key[:8],
            "approved_by": change.approved_by,
            "what": name,
            "then": old,
            "now": new,
        }
        for change in changed
        for name, (old, new) in change.values.items()
    ]


def _credits(asked: Sequence[Row]) -> list[Row]:
    return [
        {
            "line": row["line_key"][:8],
            "customer": row["customer_name"],
            "description": row["description"],
            "amount": render.money(row["amount"], row["currency"]),
        }
        for row in asked
    ]


def proposed_lines(conn: connection, settings: Settings, filters: Filters) -> list[Row]:
    """The lines with their status, in a stable order."""
    return select(
        conn,
        settings,
        in_period(_LINES, "l.service_period_start", LINE_ZONE),
        filters.as_parameters(),
    )


def as_json(row: Row) -> dict[str, Any]:
    """A line for machines: the amount in the currency's decimals, quantities with all digits."""
    return {
        **row,
        **{name: render.plain(row[name]) for name in QUANTITIES},
        "amount": render.money(row["amount"], row["currency"]),
    }


def show(answer: list[dict[str, Any]], period: str | None, title: str = "Lines") -> None:
    """Print the lines for people, keys shortened: a beginning is enough for `approve`."""
    shown = [
        {
            **line,
            **{name: render.short(line[name]) for name in QUANTITIES},
            "line": line["line_key"][:8],
            "customer": line["customer_name"],
            "state": "published" if line["published"] else line["approval_state"],
            "blocked_by": None if line["published"] else line["blocked_reason"],
        }
        for line in answer
    ]
    currencies = ["currency"] if len({line["currency"] for line in answer}) > 1 else []
    columns = ["line", "customer", "description", "unit_price", "amount", *currencies]
    blocked = ["blocked_by"] if any(line["blocked_by"] for line in shown) else []
    render.stdout.print(
        render.table(
            f"{title} {period or ''}".strip(), shown, [*columns, "state", *blocked],
            caption=f"{len(shown)} lines",
        )
    )  # fmt: skip
