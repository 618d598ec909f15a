"""The first page: what waits for somebody, what holds lines back, how old all of it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import streamlit as st

from dashboards import data, links
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.layout import Column, Kpi
from dashboards.queries import common
from dashboards.queries import home as queries

# What holds lines, in words, and the page on which it is put right.
FIXED_AT = {
    "gate_closed": ("The gate of the subscription is closed", links.page("cutover")),
    "exception_open": ("An exception is open", links.page("exceptions")),
    "partner_missing": (
        "The customer has no Odoo partner",
        links.page("exceptions", kind="customer_unmatched"),
    ),
    "partner_gone": (
        "The Odoo partner is archived or gone",
        links.page("exceptions", kind="customer_partner_gone"),
    ),
    "tax_unresolved": (
        "The customer's taxes are not resolved",
        links.page("exceptions", kind="tax_unresolved"),
    ),
    "product_taxed_otherwise": ("The product has taxes of its own in Odoo", links.page("import")),
    "odoo_bills_it": (
        "Odoo would invoice it by itself",
        links.page("exceptions", kind="native_billing"),
    ),
    "not_judged": ("Rebuilt since the last whole build: `billing run`", ""),
    "other": ("Another reason, which its line tells", links.page("approvals", show="Blocked")),
}
BLOCKED = (
    Column("why", "Why", "wide", link=lambda row: row["target"]),
    Column("line_count", "Lines", "quantity"),
    Column("amount", "Net", "money"),
)
KINDS = (
    Column("kind", "Kind", "words", link=lambda row: links.page("exceptions", kind=row["kind"])),
    Column("severity", "Severity", "status"),
    Column("open_count", "Open", "quantity"),
    Column("blocking_count", "Hold lines", "quantity"),
    Column("oldest_days", "Oldest, days", "quantity"),
    Column("what_to_do", "What to do", "wide"),
)
ALARMS = (
    Column("document_key", "Document", "tight", link=links.move),
    Column("odoo_name", "In Odoo", "tight"),
    Column("finding", "What is wrong", "status"),
    Column("expected_total_amount", "Total", "money"),
)
# Figures of a month, each with the page that has its rows.
FIGURES = {
    "earned_amount": ("Earned", "revenue"),
    "usage_amount": ("of it usage", "revenue"),
    "invoiced_amount": ("Invoiced, posted or paid", "invoices"),
    "draft_amount": ("Invoiced, in drafts", "invoices"),
}


def show() -> None:
    """The page."""
    ui.heading("Home", "What waits for somebody, what holds lines back, and how old it all is.")
    lines = data.rows_as_decided(queries.LINES, **queries.PARAMETERS)
    kinds, alarms = data.rows(queries.KINDS), data.rows(queries.ALARMS)
    _figures(lines, kinds, alarms)
    if alarms:
        st.header("Documents that need a look", anchor=False)
        ui.table(alarms, ALARMS, title="Publication alarms")
    st.header("What holds lines back", anchor=False)
    _blocked([row for row in lines if row["state"] == "blocked for"])
    st.header("Exceptions by kind", anchor=False)
    ui.table(kinds, KINDS, title="Exceptions by kind", nothing="No exception is open.")
    st.header("This month beside last month", anchor=False)
    _months(data.rows(queries.MONTHS))


def _figures(lines: Sequence[Row], kinds: Sequence[Row], alarms: Sequence[Row]) -> None:
    blocking = sum(row["blocking_count"] for row in kinds)
    ui.kpis(
        [
            _lines("Wait for approval", lines, "waiting", links.page("approvals")),
            _lines(
                "Approved, not published", lines, "approved",
                links.page("approvals", show="Approved, not published"),
            ),
            _lines("Held back", lines, "blocked", links.page("approvals", show="Blocked")),
            Kpi(
                "Open exceptions",
                f.quantity(sum(row["open_count"] for row in kinds)),
                f"{f.quantity(blocking)} hold lines",
                link=links.page("exceptions"),
            ),
            Kpi(
                "Publication alarms",
                f.quantity(len(alarms)),
                "documents that Odoo holds otherwise than they were sent",
                "bad" if alarms else "good",
                links.page("exceptions", kind="publication_alarm") if alarms else "",
            ),
            _age(),
        ]
    )  # fmt: skip


def _lines(label: str, lines: Sequence[Row], state: str, link: str) -> Kpi:
    """How many lines stand there, and their amounts, currencies apart."""
    found = sorted((row for row in lines if row["state"] == state), key=_currency)
    money = " + ".join(f.money(row["amount"], row["currency"]) for row in found)
    count = sum(row["line_count"] for row in found)
    return Kpi(label, f.counted(count, "line"), money, link=link if count else "")


def _currency(row: Row) -> str:
    return str(row["currency"])


def _age() -> Kpi:
    """How old the data are, and which build of them is read."""
    found = data.row(common.FRESHNESS) or {}
    build, loaded = data.build(), found.get("loaded_at")
    if build is None:
        return Kpi("Data", _ago(loaded), f"built in place, as of {f.instant(found.get('as_of'))}")
    made = data.row(queries.BUILD) or {}
    said = f"build {build.build_id}, as of {f.instant(build.as_of)}:"
    said += f" {f.quantity(made.get('tests_passed'))} tests passed"
    if build.failed_at:
        said += f"; the build of {f.instant(build.failed_at)} failed and is not in use"
    return Kpi("Data", _ago(loaded), said, "bad" if build.failed_at else "")


def _ago(at: datetime | None) -> str:
    if at is None:
        return "nothing is loaded"
    minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
    if minutes < 60:
        return f"{f.counted(max(minutes, 0), 'minute')} old"
    hours = minutes // 60
    return f"{f.counted(hours, 'hour')} old" if hours < 48 else f"{hours // 24} days old"


def _blocked(reasons: Sequence[Row]) -> None:
    worded = [
        {**row, "why": FIXED_AT[row["reason"]][0], "target": FIXED_AT[row["reason"]][1]}
        for row in reasons
    ]
    ui.table(
        worded, BLOCKED, title="Lines held back by reason",
        nothing="No line is held back: what is over is invoiced, published, or waits for approval.",
    )  # fmt: skip
    if worded:
        st.caption(
            "Lines whose period is over, that cost something and that nobody has invoiced. One with"
            " several reasons stands under each."
        )


def _months(found: Sequence[Row]) -> None:
    if not found:
        ui.empty("Nothing was earned yet", "`billing run` loads and builds the warehouse.")
        return
    last, this = _pair(max(row["month_on"] for row in found))
    by = {(row["currency"], row["month_on"]): row for row in found}
    rows = [
        _figure(name, currency, last, this, by)
        for currency in dict.fromkeys(row["currency"] for row in found)
        for name in FIGURES
    ]
    columns = (
        Column("figure", "Net of tax"),
        Column("before", f.month(last), "money", link=lambda row: row["to_before"]),
        Column("now", f.month(this), "money", link=lambda row: row["to_now"]),
        Column("change", "Change", "money"),
    )
    ui.table(rows, columns, title="This month beside last month")


def _pair(month: date) -> tuple[date, date]:
    """The month before, and the month."""
    year, number = divmod(month.year * 12 + month.month - 2, 12)
    return month.replace(year=year, month=number + 1), month


def _figure(
    name: str,
    currency: str,
    last: date,
    this: date,
    by: dict[tuple[str, date], Row],
) -> Row:
    label, page = FIGURES[name]
    before, now = (by.get((currency, month), {}).get(name, Decimal(0)) for month in (last, this))
    to_before, to_now = (
        links.page(page, month=f"{month:%Y-%m}", currency=currency) for month in (last, this)
    )
    return {
        "figure": label, "currency": currency, "before": before, "now": now,
        "change": now - before, "to_before": to_before, "to_now": to_now,
    }  # fmt: skip
