"""Every invoice, the app's and Odoo's: draft, posted and paid apart, what is owed since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboards import data, filters, links
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.layout import Column, Kpi
from dashboards.queries import invoices as queries

EVERY_MONTH, EVERY_STATE, EVERYBODY, WHENEVER = (
    "Every month", "Every state", "Every issuer", "Whenever due",
)  # fmt: skip
# What an invoice is, wherever invoices are listed.
INVOICE = (
    Column("invoice_number", "Invoice", "tight", link=links.invoice),
    Column("issuer", "Issuer", "words"),
    Column("issued_on", "Issued", "day"),
    Column("due_on", "Due", "day"),
    Column("invoice_state", "State", "status"),
    Column("net_amount", "Net", "money"),
    Column("tax_amount", "Tax", "money"),
    Column("total_amount", "Total", "money"),
    Column("open_amount", "Open", "money"),
    Column("overdue_days", "Overdue, days", "quantity"),
)
SUMS = (
    Column("invoice_state", "State", "status", link=lambda row: row["target"]),
    Column("invoice_count", "Invoices", "quantity"),
    Column("net_amount", "Net", "money"),
    Column("tax_amount", "Tax", "money"),
    Column("total_amount", "Total", "money"),
    Column("open_amount", "Open", "money"),
    Column("overdue_amount", "of it overdue", "money"),
)


def show() -> None:
    """The page."""
    ui.heading("Invoices", "The app's and Odoo's in one list; a draft is owed by nobody.")
    months = [f"{row['month_on']:%Y-%m}" for row in data.rows(queries.MONTHS)]
    currencies = [row["currency"] for row in data.rows(queries.CURRENCIES)]
    if not months or not currencies:
        ui.empty("No invoice yet", "`billing run` loads and builds the warehouse.")
        return
    parameters, due = _choices(months, currencies)
    states = data.rows(queries.by_state(due), **parameters)
    _figures(states, parameters["currency"])
    ui.table(_drilled(states, parameters), SUMS, title="Invoices by state")
    customer = Column("customer_name", "Customer", "name", link=links.customer)
    filters.table(
        queries.everything(due), (INVOICE[0], customer, *INVOICE[1:]), parameters, "Invoices",
        "No invoice matches these filters.",
    )  # fmt: skip


def _choices(months: Sequence[str], currencies: Sequence[str]) -> tuple[dict[str, Any], str | None]:
    first, second, third, fourth = st.columns(4)
    with first:
        month = filters.choice("Month", [EVERY_MONTH, *months], "month")
        due = filters.choice("Due", [WHENEVER, *queries.DUE], "due")
    with second:
        service = filters.any_service()
        origin = filters.choice("Issued", [EVERYBODY, *queries.ORIGINS], "origin")
    with third:
        currency = filters.choice("Currency", currencies, "currency")
        search = st.text_input("Customer or number", key="invoices-search", bind="query-params")
    with fourth:
        state = filters.choice("State", [EVERY_STATE, *queries.STATES], "state")
    parameters = {
        "month": None if month == EVERY_MONTH else date.fromisoformat(f"{month}-01"),
        "service": service,
        "currency": currency,
        "state": None if state == EVERY_STATE else state,
        "origin": None if origin == EVERYBODY else origin,
        "search": filters.like(search),
    }
    return parameters, None if due == WHENEVER else due


def _figures(states: Sequence[Row], currency: str) -> None:
    def total(name: str, *of: str) -> str:
        amounts = (row[name] for row in states if not of or row["invoice_state"] in of)
        return f.money(sum(amounts, Decimal(0)), currency)

    overdue = sum((row["overdue_amount"] for row in states), Decimal(0))
    ui.kpis(
        [
            Kpi("In drafts", total("total_amount", "draft"), "tax included, owed by nobody yet"),
            Kpi("Owed", total("open_amount"), "posted, what is left of it"),
            Kpi("Overdue", f.money(overdue, currency), "of it", "bad" if overdue else ""),
            Kpi("Paid", total("total_amount", "paid"), "in full, tax included"),
        ]
    )


def _drilled(states: Sequence[Row], parameters: dict[str, Any]) -> list[Row]:
    """Each state with the address of its invoices in this selection."""
    month = parameters["month"]
    kept = {
        "month": f"{month:%Y-%m}" if month else EVERY_MONTH,
        "service": parameters["service"],
        "currency": parameters["currency"],
    }
    return [
        {**row, "target": links.page("invoices", state=row["invoice_state"], **kept)}
        for row in states
    ]
