"""Recurring revenue: why it moved, what comes, what is earned and not yet invoiced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

import streamlit as st

from dashboards import charts, data, filters, links
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.layout import Column, Kpi
from dashboards.queries import recurring as queries

CUSTOMER = Column("customer_name", "Customer", "name", link=links.customer)
BY_MONTH = (
    Column("month_on", "Month", "month"),
    Column("before_amount", "Before", "money"),
    *(Column(f"{name}_amount", f.words(name), "money") for name in queries.MOVEMENTS),
    Column("mrr_amount", "Recurring", "money"),
    Column("subscription_count", "Subscriptions", "quantity"),
)
OF_MONTH = (
    CUSTOMER,
    Column("service", "Service"),
    Column("plan_code", "Plan", "tight"),
    Column("movement", "Movement", "status"),
    Column("amount", "Amount", "money"),
)
FORECAST = (
    CUSTOMER,
    Column("plan_code", "Plan", "tight", link=links.usage),
    Column("elapsed_percent", "Over", "percent"),
    Column("base_amount", "Fees", "money"),
    Column("usage_so_far_amount", "Usage so far", "money"),
    Column("usage_to_come_amount", "Usage to come", "money"),
    Column("one_off_amount", "Once", "money"),
    Column("forecast_amount", "Forecast", "money"),
    Column("earlier_amount", "Period before", "money"),
)
UNBILLED = (
    CUSTOMER,
    Column("service", "Service"),
    Column("period_count", "Periods", "quantity"),
    Column("first_period_start", "Oldest from", "day"),
    Column("accrued_amount", "To accrue", "money"),
    Column("deferred_amount", "To defer", "money"),
    Column("overbilled_amount", "Never earned", "money"),
)
UNUSUAL = (
    CUSTOMER,
    Column("metric", "Metric", "words", link=links.usage),
    Column("window_type", "Looked at", "words"),
    Column("window_start", "From", "day"),
    Column("direction", "Direction", "words"),
    Column("daily_quantity", "A day", "quantity"),
    Column("median_daily_quantity", "A usual day", "quantity"),
    Column("deviation", "Spreads away", "quantity"),
    Column("deviation_limit", "Limit", "quantity"),
)


def show() -> None:
    """The page."""
    ui.heading("Recurring", "Fees in force at a month's end, each for one month, net of tax.")
    months = [f"{row['month_on']:%Y-%m}" for row in data.rows(queries.MONTHS)]
    currencies = [row["currency"] for row in data.rows(queries.CURRENCIES)]
    if not months or not currencies:
        ui.empty("Nothing recurs yet", "`billing run` loads and builds the warehouse.")
        return
    scope = _scope(months, currencies)
    ui.tabs({name: partial(part, scope) for name, part in PARTS.items()})


def _scope(months: Sequence[str], currencies: Sequence[str]) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    with left:
        month = filters.choice("Month", months, "month")
    with middle:
        service = filters.any_service()
    with right:
        currency = filters.choice("Currency", currencies, "currency")
    return {"month": date.fromisoformat(f"{month}-01"), "service": service, "currency": currency}


def _moved(scope: dict[str, Any]) -> None:
    months = data.rows(queries.BY_MONTH, **_of_currency(scope))
    chosen = next((row for row in months if row["month_on"] == scope["month"]), None)
    if chosen:
        _waterfall(chosen)
    ui.table(months, BY_MONTH, title="Recurring revenue by month")
    st.header(f"Movements, {f.month(scope['month'])}", anchor=False)
    filters.table(queries.OF_MONTH, OF_MONTH, scope, "Movements", "Nothing moved in this month.")


def _of_currency(scope: dict[str, Any]) -> dict[str, Any]:
    return {name: scope[name] for name in ("currency", "service")}


def _waterfall(month: Row) -> None:
    currency, name = month["currency"], f.month(month["month_on"])
    steps = [("Before", month["before_amount"])] + [
        (each, month[f"{each}_amount"]) for each in queries.MOVEMENTS if month[f"{each}_amount"]
    ]
    said = "; ".join(f"{f.words(each)} {f.money(amount, currency)}" for each, amount in steps)
    figure = charts.waterfall(steps, name, currency)
    charts.show(figure, f"Recurring revenue of {name} in $: {said}", "recurring")


def _forecast(scope: dict[str, Any]) -> None:
    over, currency = _of_currency(scope), scope["currency"]
    found = data.row(queries.FORECAST_SUM, **over) or {}
    ui.kpis(
        [
            Kpi("Forecast", f.money(found["forecast_amount"], currency), "of the running periods"),
            Kpi("Fees", f.money(found["base_amount"], currency)),
            Kpi("Usage so far", f.money(found["usage_so_far_amount"], currency)),
            Kpi("Usage to come", f.money(found["usage_to_come_amount"], currency), "at its pace"),
            Kpi("Charged once", f.money(found["one_off_amount"], currency)),
            Kpi("Periods before", f.money(found["earlier_amount"], currency), "as rated"),
        ]
    )
    nothing = "No period is running."
    filters.table(queries.FORECAST, FORECAST, over, "Forecast", nothing)


def _unbilled(scope: dict[str, Any]) -> None:
    found, currency = data.row(queries.UNBILLED_SUM, **scope) or {}, scope["currency"]
    end = (scope["month"] + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    ui.kpis(
        [
            Kpi(
                "To accrue", f.money(found["accrued_amount"], currency),
                f"earned by {f.day(end)}, invoiced by nobody until then",
            ),
            Kpi(
                "To defer", f.money(found["deferred_amount"], currency),
                "invoiced, earned only later",
            ),
            Kpi("Never earned", f.money(found["overbilled_amount"], currency), "invoiced too much"),
        ]
    )  # fmt: skip
    nothing = "Everything earned by then was invoiced."
    filters.table(queries.UNBILLED, UNBILLED, scope, f"Not invoiced by {f.day(end)}", nothing)


def _unusual(scope: dict[str, Any]) -> None:
    st.caption("Far from the subscription's own past: an exception asks before it is billed.")
    nothing = "No usage is far from its subscription's own past."
    filters.table(queries.UNUSUAL, UNUSUAL, {"service": scope["service"]}, "Unusual usage", nothing)


PARTS = {
    "Movements": _moved,
    "Forecast": _forecast,
    "Not yet invoiced": _unbilled,
    "Unusual usage": _unusual,
}
