"""reconcile: expected, actual and billed side by side, every difference with its causes."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection

from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.command_error import CommandError
from orchestration.commands.options import Json, Period, Service, Subscription
from orchestration.queries import Filters, Row, in_period, reading, select, whole_id

_ROWS = """
    select
        r.service, r.external_subscription_id, r.customer_name, r.period_start, r.period_end,
        r.currency, r.list_amount, r.expected_amount, r.actual_amount, r.billed_amount,
        r.delta_amount, r.status, r.unexplained_amount,
        (r.period_start at time zone services.timezone)::date as period_start_on
    from {marts}.fct_reconciliation as r
    inner join {intermediate}.int_services as services on r.service = services.service
    where
        {in_period}
        and (%(service)s is null or r.service = %(service)s)
        and (%(subscription)s is null or r.external_subscription_id = %(subscription)s)
    order by r.period_start, r.service, r.external_subscription_id, r.currency
"""
_CAUSES = """
    select
        service, external_subscription_id, period_start, period_end, cause, amount, evidence,
        sentence
    from {marts}.fct_reconciliation_causes
    order by service, external_subscription_id, period_start, cause_order
"""
_ONE_OFFS = """
    select
        o.service, o.invoice_number as number, o.external_customer_id, o.customer_name, o.currency,
        o.amount, o.tax_amount, o.total_amount, o.period_start, o.period_end, o.issued_at,
        o.invoice_status as status, o.match_status, o.odoo_move_id, o.odoo_name
    from {marts}.fct_one_off_invoices as o
    where
        (%(month)s::date is null or o.month_on = %(month)s)
        and (%(service)s is null or o.service = %(service)s)
    order by o.invoice_number
"""
_MONTHS = """
    select
        to_char(min(period_month), 'YYYY-MM') as first,
        to_char(max(period_month), 'YYYY-MM') as last
    from {marts}.rpt_reconciliation_by_month
"""
AMOUNTS = (
    "list_amount", "expected_amount", "actual_amount", "billed_amount", "delta_amount",
    "unexplained_amount",
)  # fmt: skip
KEY = ("service", "external_subscription_id", "period_start", "period_end")


def reconcile(
    period: Period = None,
    service: Service = None,
    subscription: Subscription = None,
    json: Json = False,
) -> None:
    """Compare what we expect with what the app invoiced, and say why they differ.

    Example: [bold]billing reconcile --period 2026-04[/]
    """
    settings = load_settings()
    with reading(settings) as conn:
        whom = whole_id(conn, settings, subscription)
        answer = reconciliation(conn, settings, Filters(period, service, whom))
        if not answer["rows"] and not answer["one_offs"]:
            raise CommandError(_nothing(conn, settings, period))
    if json:
        render.print_json(answer)
    else:
        show(answer, period)


def _nothing(conn: connection, settings: Settings, period: str | None) -> str:
    """Why there is nothing to show: of this month, of this choice, or at all."""
    ((first, last),) = ((row["first"], row["last"]) for row in select(conn, settings, _MONTHS))
    if first is None:
        return "nothing is reconciled yet: `billing run` loads and builds"
    of = f"of {period} " if period else ""
    return f"nothing {of}matches: there are periods that begin from {first} to {last}"


def reconciliation(conn: connection, settings: Settings, filters: Filters) -> dict[str, Any]:
    """The machine's answer: rows with their causes, one-offs in their own list, a summary."""
    parameters = filters.as_parameters()
    rows = select(conn, settings, in_period(_ROWS, "r.period_start"), parameters)
    one_offs = select(conn, settings, _ONE_OFFS, parameters)
    causes: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for cause in select(conn, settings, _CAUSES):
        causes[tuple(cause[name] for name in KEY)].append(cause)
    return {
        "rows": [_as_row(row, causes[tuple(row[name] for name in KEY)]) for row in rows],
        "one_offs": [_as_one_off(row) for row in one_offs],
        "summary": _summary(rows, one_offs),
    }


def _as_row(row: Row, causes: list[Row]) -> dict[str, Any]:
    currency = row["currency"]
    return {
        **row,
        **{name: render.money(row[name], currency) for name in AMOUNTS},
        "causes": [
            {**_without_key(cause), "amount": render.money(cause["amount"], currency)}
            for cause in causes
        ],
    }


def _without_key(cause: Row) -> Row:
    return {name: value for name, value in cause.items() if name not in KEY}


def _as_one_off(row: Row) -> dict[str, Any]:
    currency = row["currency"]
    return {
        name: render.money(value, currency) if name.endswith("amount") else value
        for name, value in row.items()
    }


def _summary(rows: list[Row], one_offs: list[Row]) -> dict[str, Any]:
    """Counts by status; sums by currency, for amounts of two currencies have no sum."""
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        for name in AMOUNTS[1:]:
            sums[row["currency"]][name] += row[name] or Decimal(0)
    return {
        "rows": len(rows),
        "by_status": dict(sorted(Counter(row["status"] for row in rows).items())),
        "one_offs": len(one_offs),
        "totals": [
            {
                "currency": currency,
                **{name: render.money(sum_, currency) for name, sum_ in by.items()},
            }
            for currency, by in sorted(sums.items())
        ],
    }


def show(answer: dict[str, Any], period: str | None) -> None:
    """Print a row a subscription, then why the amounts differ, and the one-offs below."""
    rows = answer["rows"]
    amounts = ["expected", "actual", "billed", "delta", "unexplained"]
    silent = [name for name in amounts[2::2] if all(_is_nil(row, name) for row in rows)]
    columns = ["subscription", "customer", "period", *amounts, "status"]
    hidden = [*silent, *(["period"] if period else [])]
    shown = [
        {
            "subscription": row["external_subscription_id"][:8],
            "customer": row["customer_name"],
            "period": row["period_start_on"],
            **{name: row[f"{name}_amount"] for name in amounts},
            "status": row["status"],
        }
        for row in rows
    ]
    render.stdout.print(
        render.table(
            f"Reconciliation {period or 'of all periods'}, net of tax",
            shown,
            [name for name in columns if name not in hidden],
            caption="; ".join([_counts(answer), *(f"nothing {name}" for name in silent)]),
        )
    )
    _show_causes(rows)
    _show_one_offs(answer["one_offs"])


def _is_nil(row: dict[str, Any], name: str) -> bool:
    return Decimal(row[f"{name}_amount"] or 0) == 0


def _counts(answer: dict[str, Any]) -> str:
    return ", ".join(f"{n} {status}" for status, n in answer["summary"]["by_status"].items())


def _show_causes(rows: list[dict[str, Any]]) -> None:
    told = [
        {
            "subscription": row["external_subscription_id"][:8],
            "cause": cause["cause"],
            "amount": cause["amount"],
            "why": cause["sentence"],
        }
        for row in rows
        for cause in row["causes"]
    ]
    if told:
        render.stdout.print(render.table("Why they differ", told, list(told[0])))


def _show_one_offs(one_offs: list[dict[str, Any]]) -> None:
    if not one_offs:
        return
    title = "Invoices without a subscription: a stream of their own"
    shown = [
        {**each, "customer": each["customer_name"], "issued": each["issued_at"].date()}
        for each in one_offs
    ]
    currencies = ["currency"] if len({each["currency"] for each in one_offs}) > 1 else []
    columns = ["number", "customer", "amount", *currencies, "issued", "status", "match_status"]
    render.stdout.print(render.table(title, shown, columns))
