"""The month-end page: one sheet for the file, and how it stands against what was closed."""

from __future__ import annotations

from datetime import date
from html import escape

import streamlit as st

from dashboards import data, filters
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.layout import Column
from dashboards.queries import common
from publishers.closings import IN_FORCE, Closing, differences
from publishers.month_end import PARTS, Part

SINCE = (
    Column("part", "Part"),
    Column("row", "Of"),
    Column("figure", "Figure"),
    Column("currency", "Currency"),
    Column("closed", "When it was closed", "price"),
    Column("now", "Now", "price"),
    Column("difference", "Difference", "price"),
)


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
    _closed(month)
    for part in PARTS:
        _part(part, month)


def _closed(month: date) -> None:
    """Who closed the month, and each figure that is another one since."""
    found = data.row(IN_FORCE, month=month)
    if found is None:
        ui.empty("Not closed", f"`billing close-month {month:%Y-%m}` says what still waits.")
        return
    closed = Closing(**found)
    st.html(f'<p class="fb" data-closed>{escape(_sentence(closed))}</p>')
    today = {part.name: data.rows(part.query, month=month) for part in PARTS}
    rows = [each.as_row() for each in differences(closed.sheet, today)]
    if rows:
        st.subheader("Since it was closed", anchor=False)
        ui.table(rows, SINCE, title=f"Since it was closed {month:%Y-%m}")


def _sentence(closed: Closing) -> str:
    said = (
        f"Closed by {closed.closed_by} on {f.instant(closed.closed_at)}, build {closed.build_id} as"
        f" of {f.instant(closed.as_of)}."
    )
    waited = (
        f" Although: {'; '.join(closed.waited)}. Because: {closed.despite}"
        if closed.despite
        else ""
    )
    return f"{said}{waited}"


def _part(part: Part, month: date) -> None:
    st.subheader(part.title, anchor=False)
    st.caption(part.says)
    found = data.rows(part.query, month=month)
    columns = [Column(*each) for each in part.columns]
    ui.table(found, columns, title=f"{part.title} {month:%Y-%m}", nothing=part.nothing)
