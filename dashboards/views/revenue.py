"""What was earned and what it cost, who owes, what the provinces get, who uses how much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

import streamlit as st

from dashboards import charts, data, filters, links
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.layout import Column, Kpi
from dashboards.queries import revenue as queries


def _invoices(row: Row) -> str:
    """What a debtor owes, invoice by invoice."""
    name, currency = row["customer_name"], row["currency"]
    return links.page("invoices", currency=currency, **{"invoices-search": name})


_EARNED = (
    Column("base_amount", "Base fees", "money"),
    Column("usage_amount", "Usage", "money"),
    Column("other_amount", "Other", "money"),
    Column("earned_amount", "Earned", "money"),
    Column("invoiced_amount", "Invoiced", "money"),
)
BY_MONTH = (
    Column("revenue_month", "Month", "month"),
    *_EARNED,
    Column("customer_count", "Customers", "quantity"),
    Column("is_month_over", "Month is over"),
)
BY_CUSTOMER = (
    Column("customer_name", "Customer", "name", link=links.customer),
    Column("service", "Service"),
    Column("subscription_count", "Subscriptions", "quantity"),
    *_EARNED,
)
MARGIN = (
    Column("service", "Service"),
    Column("metric", "Metric", "words"),
    Column("quantity", "Quantity", "quantity"),
    Column("revenue_amount", "Revenue", "money"),
    Column("unit_cost", "Unit cost", "price"),
    Column("cost_amount", "Cost", "money"),
    Column("margin_amount", "Margin", "money"),
    Column("margin_percent", "Margin %", "percent"),
)
AGING = (
    Column("customer_name", "Debtor", link=_invoices),
    Column("issuer", "Issuer", "words"),
    Column("invoice_count", "Documents", "quantity"),
    Column("not_due_amount", "Not due", "money"),
    Column("overdue_1_to_30_days_amount", "1–30 days", "money"),
    Column("overdue_31_to_60_days_amount", "31–60 days", "money"),
    Column("overdue_61_to_90_days_amount", "61–90 days", "money"),
    Column("overdue_over_90_days_amount", "Over 90", "money"),
    Column("open_amount", "Open", "money"),
    Column("longest_overdue_days", "Oldest, days", "quantity"),
)
TAX = (
    Column("tax_month", "Month", "month"),
    Column("issuer", "Issuer", "words"),
    Column("document_state", "State", "words"),
    Column("province", "Province"),
    Column("service", "Service"),
    Column("invoice_count", "Invoices", "quantity"),
    Column("net_amount", "Net", "money"),
    Column("tax_amount", "Tax charged", "money"),
    Column("province_tax_amount", "By the province's rates", "money"),
    Column("difference_amount", "Difference", "money"),
)
USAGE = (
    Column("customer_name", "Customer", "name", link=links.customer),
    Column("plan_code", "Plan"),
    Column("metric", "Metric", "words"),
    Column("used_quantity", "Used", "quantity"),
    Column("included_quantity", "Quota", "quantity"),
    Column("quota_percent", "Of quota", "percent"),
    Column("billable_quantity", "Billable", "quantity"),
    Column("usage_amount", "Amount", "money"),
    Column("external_subscription_id", "Subscription", "key"),
)


def show() -> None:
    """The page."""
    ui.heading("Revenue", "Earned in the month in which the service period began, net of tax.")
    months = [row["revenue_month"] for row in data.rows(queries.MONTHS)]
    currencies = [row["currency"] for row in data.rows(queries.CURRENCIES)]
    if not months or not currencies:
        ui.empty("No revenue yet", "`billing run` loads and builds the warehouse.")
        return
    scope = _scope(months, currencies)
    ui.tabs({name: partial(part, scope) for name, part in PARTS.items()})


def _scope(months: Sequence[date], currencies: Sequence[str]) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    with left:
        month = filters.choice("Month", [f"{each:%Y-%m}" for each in months], "month")
    with middle:
        service = filters.any_service()
    with right:
        currency = filters.choice("Currency", currencies, "currency")
    return {"month": date.fromisoformat(f"{month}-01"), "service": service, "currency": currency}


def _revenue(scope: dict[str, Any]) -> None:
    over = {name: scope[name] for name in ("currency", "service")}
    months, currency = data.rows(queries.BY_MONTH, **over), scope["currency"]
    chosen = next((row for row in months if row["revenue_month"] == scope["month"]), None)
    if chosen:
        running = "" if chosen["is_month_over"] else "the month still earns"
        ui.kpis(
            [
                Kpi("Earned", f.money(chosen["earned_amount"], currency), running),
                Kpi("Base fees", f.money(chosen["base_amount"], currency)),
                Kpi("Usage", f.money(chosen["usage_amount"], currency)),
                Kpi("Other", f.money(chosen["other_amount"], currency), "minimums, one-offs"),
                Kpi("Invoiced", f.money(chosen["invoiced_amount"], currency), "app and Odoo"),
                Kpi("Customers", f.quantity(chosen["customer_count"])),
            ]
        )
    series = {"earned_amount": "Earned", "invoiced_amount": "Invoiced"}
    figure = charts.bars_by_month(months[::-1], series, "revenue_month", currency)
    charts.show(figure, "Earned and invoiced by month, in $", "revenue")
    ui.table(months, BY_MONTH, title="Revenue by month")
    st.header(f"Customers, {f.month(scope['month'])}", anchor=False)
    filters.table(queries.BY_CUSTOMER, BY_CUSTOMER, scope, "Revenue by customer")


def _margin(scope: dict[str, Any]) -> None:
    ui.table(
        data.rows(queries.MARGIN, **scope), MARGIN, title=f"Margin {scope['month']:%Y-%m}",
        nothing="Nothing was rated in this month.",
    )  # fmt: skip
    st.caption("Unit costs are in unit_costs.csv; without one there is no margin.")


def _receivables(scope: dict[str, Any]) -> None:
    currency = {"currency": scope["currency"]}
    totals = data.row(queries.AGING_TOTALS, **currency)
    if totals and totals["debtor_count"]:
        names = [(column.name, column.label) for column in AGING if column.kind == "money"]
        ui.kpis([Kpi(label, f.money(totals[name], scope["currency"])) for name, label in names])
    filters.table(queries.AGING, AGING, currency, "Receivables", nothing="Nobody owes anything.")


def _tax(scope: dict[str, Any]) -> None:
    whole = st.toggle("All months", key="tax-all-months")
    parameters = {**scope, "month": None if whole else scope["month"]}
    nothing = "No invoice was issued in this month."
    filters.table(queries.TAX, TAX, parameters, "Tax by province", nothing=nothing)


def _usage(scope: dict[str, Any]) -> None:
    nothing = "No usage was rated in this month."
    filters.table(queries.USAGE, USAGE, scope, "Usage and quota", nothing=nothing)


PARTS = {
    "Revenue": _revenue,
    "Margin": _margin,
    "Receivables": _receivables,
    "Tax by province": _tax,
    "Usage and quota": _usage,
}
