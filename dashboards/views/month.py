"""The month at a glance: what was expected, what was invoiced, what is missing, and why."""

from __future__ import annotations

import streamlit as st

from dashboards import charts, data, filters
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.filters import Scope
from dashboards.layout import Column, Kpi
from dashboards.queries import month as queries

SUMS = (
    Column("expected_amount", "Expected", "money"),
    Column("actual_amount", "Invoiced", "money"),
    Column("billed_amount", "Billed", "money"),
    Column("delta_amount", "Delta", "money"),
    Column("unexplained_amount", "Unexplained", "money"),
    Column("rows", "Periods", "quantity"),
    Column("matching", "Match", "quantity"),
    Column("explained", "Explained", "quantity"),
    Column("open_rows", "Open", "quantity"),
)
CAUSES = (
    Column("cause", "Cause", "status"),
    Column("delta_amount", "Delta", "money"),
    Column("leakage_amount", "Leakage", "money"),
    Column("overbilling_amount", "Overbilling", "money"),
    Column("waiting_amount", "Waiting", "money"),
    Column("subscription_count", "Subscriptions", "quantity"),
)
TREND = (
    Column("period_month", "Month", "month"),
    Column("expected_amount", "Expected", "money"),
    Column("actual_amount", "Invoiced", "money"),
    Column("billed_amount", "Billed", "money"),
    Column("delta_amount", "Delta", "money"),
    Column("rows", "Periods", "quantity"),
    Column("matching", "Match", "quantity"),
)


def show() -> None:
    """The page."""
    ui.heading(
        "Month", "What each service period should cost, what was invoiced, and what differs."
    )
    scope = filters.scope()
    if scope is None:
        return
    totals = data.row(queries.KPIS, **scope.as_parameters())
    if totals is None or not totals["rows"]:
        ui.empty("No service period in this selection", "Choose another month or service.")
        return
    _kpis(totals, scope)
    _waterfall(scope)
    _trend(scope)
    _breakdown(scope)


def _kpis(totals: Row, scope: Scope) -> None:
    stake = data.row(queries.STAKE, **scope.as_parameters()) or {}
    one_offs = data.row(queries.ONE_OFFS, **scope.as_parameters()) or {}
    currency = scope.currency
    ui.kpis(
        [
            Kpi("Expected", f.money(totals["expected_amount"], currency), "rated here, net of tax"),
            Kpi("Invoiced", f.money(totals["actual_amount"], currency), "by the app"),
            Kpi("Billed", f.money(totals["billed_amount"], currency), "in Odoo"),
            Kpi(
                "Delta",
                f.money(totals["delta_amount"], currency),
                "expected less invoiced (or billed);"
                f" {f.money(totals['unexplained_amount'], currency)} unexplained",
                ui.tone_of(totals["delta_amount"]),
            ),
            Kpi(
                "Match rate",
                f.percent(f.share(totals["matching"], totals["rows"])),
                f"{totals['matching']} of {totals['rows']} periods;"
                f" {totals['explained']} more are explained",
            ),
            Kpi(
                "Leakage", f.money(stake.get("leakage_amount"), currency), "expected, not invoiced"
            ),
            Kpi(
                "Overbilling", f.money(stake.get("overbilling_amount"), currency), "beyond expected"
            ),
            Kpi("Waiting", f.money(stake.get("waiting_amount"), currency), "for a draft in Odoo"),
            Kpi(
                "One-off invoices",
                f.money(one_offs.get("amount"), currency),
                f"{one_offs.get('rows', 0)} without a subscription, by the time that they name",
            ),
        ]
    )


def _waterfall(scope: Scope) -> None:
    st.header("Why it differs", anchor=False)
    causes = data.rows(queries.CAUSES, **scope.as_parameters())
    if not causes:
        ui.empty("No difference", "Every period of the month matches, to the tolerance.")
        return
    steps = [(row["cause"], row["delta_amount"]) for row in causes]
    figure = charts.waterfall(steps, "Delta", scope.currency)
    said = "; ".join(f"{f.words(name)} {f.money(amount, scope.currency)}" for name, amount in steps)
    charts.show(figure, f"Delta of {f.month(scope.month)} by cause: {said}", "waterfall")
    ui.table(causes, CAUSES, title=f"Causes {scope.month:%Y-%m}")


def _trend(scope: Scope) -> None:
    st.header("Trend", anchor=False)
    found = data.rows(queries.TREND, currency=scope.currency, service=scope.service)
    series = {"expected_amount": "Expected", "actual_amount": "Invoiced", "billed_amount": "Billed"}
    figure = charts.bars_by_month(found[::-1], series, "period_month", scope.currency)
    charts.show(figure, "Expected, invoiced and billed by month, in $", "trend")
    with st.expander("The figures"):
        ui.table(found, TREND, title="Trend")


def _breakdown(scope: Scope) -> None:
    st.header("Where", anchor=False)
    names = [*queries.DIMENSIONS, "currency"]
    for tab, name in zip(st.tabs([f"By {each}" for each in names]), names, strict=True):
        with tab:
            query = queries.BY_CURRENCY if name == "currency" else queries.by_dimension(name)
            ui.table(
                data.rows(query, **scope.as_parameters()),
                (Column(name, f.words(name)), *SUMS),
                title=f"By {name} {scope.month:%Y-%m}",
            )
