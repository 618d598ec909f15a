"""The month-end page: one sheet for the file, with the figures that an auditor asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import streamlit as st

from dashboards import data, filters
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.layout import Column
from dashboards.queries import common, revenue
from dashboards.queries import month_end as queries

SIDES = (
    Column("service", "Service"),
    Column("expected_amount", "Expected", "money"),
    Column("actual_amount", "Invoiced", "money"),
    Column("billed_amount", "Billed", "money"),
    Column("delta_amount", "Delta", "money"),
    Column("explained_amount", "Explained", "money"),
    Column("unexplained_amount", "Unexplained", "money"),
    Column("rows", "Periods", "quantity"),
    Column("matching", "Match", "quantity"),
    Column("explained", "Explained", "quantity"),
    Column("open_rows", "Open", "quantity"),
)
CAUSES = (
    Column("service", "Service"),
    Column("cause", "Cause", "status"),
    Column("subscription_count", "Subscriptions", "quantity"),
    Column("leakage_amount", "Leakage", "money"),
    Column("overbilling_amount", "Overbilling", "money"),
    Column("waiting_amount", "Waiting", "money"),
    Column("delta_amount", "Delta", "money"),
)
LINES = (
    Column("service", "Service"),
    Column("state", "State", "status"),
    Column("line_count", "Lines", "quantity"),
    Column("amount", "Net", "money"),
)
DOCUMENTS = (
    Column("service", "Service"),
    Column("move_type", "Type", "words"),
    Column("state", "State", "status"),
    Column("odoo_state", "In Odoo", "status"),
    Column("document_count", "Documents", "quantity"),
    Column("expected_untaxed_amount", "Net", "money"),
    Column("expected_tax_amount", "Tax", "money"),
    Column("expected_total_amount", "Total", "money"),
    Column("odoo_total_amount", "Total in Odoo", "money"),
    Column("difference_amount", "Difference", "money"),
)
DECISIONS = (
    Column("decided_by", "Who"),
    Column("decision", "Decision", "status"),
    Column("policy_version", "Policy"),
    Column("decision_count", "Lines", "quantity"),
    Column("amount", "Net", "money"),
    Column("first_at", "First", "instant"),
    Column("last_at", "Last", "instant"),
)
ONE_MONTH_TAX = (
    Column("issuer", "Issuer", "words"),
    Column("document_state", "State", "words"),
    Column("province", "Province"),
    Column("invoice_count", "Invoices", "quantity"),
    Column("net_amount", "Net", "money"),
    Column("tax_amount", "Tax charged", "money"),
    Column("province_tax_amount", "By the province's rates", "money"),
    Column("difference_amount", "Difference", "money"),
)
USAGE = (
    Column("service", "Service"),
    Column("metric", "Metric", "words"),
    Column("reason", "Why it is on no line", "status"),
    Column("severity", "Severity", "status"),
    Column("record_count", "Records", "quantity"),
    Column("quantity", "Quantity", "quantity"),
)
EXCEPTIONS = (
    Column("severity", "Severity", "status"),
    Column("kind", "Kind", "status"),
    Column("exception_count", "Open", "quantity"),
    Column("blocking_count", "Blocking", "quantity"),
    Column("stake_amount", "At stake", "money"),
    Column("oldest_days", "Oldest, days", "quantity"),
)
LOADS = (
    Column("source", "Source"),
    Column("table_name", "Table", "tight"),
    Column("finished_at", "Loaded", "instant"),
    Column("read_count", "Read", "quantity"),
    Column("created_count", "New", "quantity"),
    Column("updated_count", "Changed", "quantity"),
    Column("deleted_count", "Deleted", "quantity"),
    Column("rejected_count", "Rejected", "quantity"),
)
# Heading, what it says, its query, its columns, what stands there when there is nothing.
Part = tuple[str, str, str, Sequence[Column], str]
PARTS: tuple[Part, ...] = (
    ("Three sides", "Expected less what was invoiced is the delta, explained or not.",
     queries.SIDES, SIDES, "No service period began in this month."),
    ("Causes of the differences", "Each cent of the delta, by name.", queries.CAUSES, CAUSES,
     "There is no difference."),
    ("Lines", "Of service periods that began in this month.", queries.LINES, LINES,
     "Nothing was rated."),
    ("Documents", "Of this billing period; the difference between what was approved and what Odoo"
     " holds must be zero.", queries.DOCUMENTS, DOCUMENTS, "Nothing was published."),
    ("Decisions about lines", "Who approved or rejected how much.", queries.DECISIONS, DECISIONS,
     "Nobody decided about a line of this month."),
    ("Usage on no line", "Every other record of the month is on exactly one line.",
     queries.USAGE_LEFT_OUT, USAGE, "Every usage record is on a line."),
    ("Open exceptions", "Of all months, as they stand now.", queries.EXCEPTIONS, EXCEPTIONS,
     "No exception is open."),
    ("Loads", "The latest of each table.", queries.LOADS, LOADS, "Nothing was loaded."),
)  # fmt: skip


def show() -> None:
    """The page."""
    ui.heading("Month-end", "The figures of a month, for the file. Ctrl-P prints them.")
    months = [row["period_month"] for row in data.rows(common.MONTHS)]
    if not months:
        ui.empty("Nothing is reconciled yet", "`billing run` loads and builds the warehouse.")
        return
    chosen = filters.choice("Month", [f"{each:%Y-%m}" for each in months], "month")
    month = date.fromisoformat(f"{chosen}-01")
    freshness = data.row(common.FRESHNESS) or {}
    st.html(
        f'<p class="fb"><b>{f.month(month)}</b>, as of {f.instant(freshness.get("as_of"))}, from'
        f" data loaded {f.instant(freshness.get('loaded_at'))} (Toronto time).</p>"
    )
    for title, what, query, columns, nothing in PARTS:
        _part(title, what, query, columns, nothing, month)
    _taxes(month)


def _part(
    title: str, what: str, query: str, columns: Sequence[Column], nothing: str, month: date
) -> None:
    st.subheader(title, anchor=False)
    st.caption(what)
    found = data.rows(query, month=month)
    ui.table(found, columns, title=f"{title} {month:%Y-%m}", nothing=nothing)


def _taxes(month: date) -> None:
    st.subheader("Tax by province", anchor=False)
    st.caption("By month of issue: what was charged, and what the province's rates ask.")
    currencies = [row["currency"] for row in data.rows(common.CURRENCIES)]
    found = [
        row
        for currency in currencies
        for row in data.rows(revenue.TAX, currency=currency, service=None, month=month)
    ]
    ui.table(
        found, ONE_MONTH_TAX, title=f"Tax by province {month:%Y-%m}",
        nothing="No invoice was issued in this month.",
    )  # fmt: skip
