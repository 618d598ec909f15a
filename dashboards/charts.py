"""Charts of the pages. Rows with Decimal come in, plotly figures go out.

The one place where an amount becomes a float: a pixel has no cents. What a chart says in words
(labels, hover) is formatted from the Decimal itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboards import formats as f
from dashboards.data import Row

HEIGHT = 300
# Legible on the light page and on the dark one.
COLORS = ("#1f8a7d", "#d0702f", "#7c6bc4", "#7a8288", "#c4566c", "#3f86c6")
MORE, LESS, WHOLE = COLORS[1], COLORS[5], COLORS[3]
# Nothing to click that would lead away, and no logo: a chart is a picture here.
CONFIG = {"displayModeBar": False, "displaylogo": False}


def as_drawn_number(amount: Decimal | None) -> float:
    """An amount as a place on an axis; never to be added, compared or shown as a number."""
    return float(amount or 0)


def show(figure: go.Figure, alt: str, key: str) -> None:
    """Draw a figure in the theme of the page, with words for those who do not see it."""
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        hovermode="x unified",
        bargap=0.45,
        colorway=COLORS,
    )
    figure.update_yaxes(separatethousands=True, tickprefix="$" if "$" in alt else "")
    st.plotly_chart(figure, key=key, alt=alt, config=CONFIG, theme="streamlit")


def bars_by_month(
    rows: Sequence[Row], series: Mapping[str, str], month: str, currency: str
) -> go.Figure:
    """Bars side by side, one group a month; `series` maps columns to their names."""
    figure = go.Figure()
    for column, name in series.items():
        figure.add_bar(
            name=name,
            x=[f.short_month(row[month]) for row in rows],
            y=[as_drawn_number(row[column]) for row in rows],
            customdata=[f.money(row[column], currency) for row in rows],
            hovertemplate="%{customdata}",
        )
    return figure


def waterfall(steps: Sequence[tuple[str, Decimal]], total: str, currency: str) -> go.Figure:
    """How named causes add up to a difference."""
    whole = sum((amount for _, amount in steps), Decimal(0))
    labels = [*(f.words(name) for name, _ in steps), total]
    amounts = [*(amount for _, amount in steps), whole]
    return go.Figure(
        go.Waterfall(
            x=labels,
            y=[as_drawn_number(amount) for amount in amounts],
            measure=[*("relative" for _ in steps), "total"],
            text=[f.money(amount, currency) for amount in amounts],
            textposition="auto",
            hovertemplate="%{x}: %{text}<extra></extra>",
            increasing={"marker": {"color": MORE}},
            decreasing={"marker": {"color": LESS}},
            totals={"marker": {"color": WHOLE}},
            connector={"line": {"width": 1}},
            width=0.45,
        )
    )


def stacked_by_month(rows: Sequence[Row], month: str, names: Mapping[str, str]) -> go.Figure:
    """Counts on top of each other, one bar a month."""
    figure = go.Figure()
    for column, name in names.items():
        figure.add_bar(
            name=name,
            x=[f.short_month(row[month]) for row in rows],
            y=[row[column] for row in rows],
        )
    figure.update_layout(barmode="stack")
    return figure


def usage_by_day(days: Sequence[Row]) -> go.Figure:
    """What each day used, free and beyond the quota apart; the running total beside the quota."""
    figure = go.Figure()
    on = [row["usage_on"] for row in days]
    beyond = [row["billable_on_day_quantity"] for row in days]
    free = [row["used_quantity"] - row["billable_on_day_quantity"] for row in days]
    for name, values, color in (("Within the quota", free, LESS), ("Beyond it", beyond, MORE)):
        figure.add_bar(name=name, x=on, marker={"color": color}, **_drawn(values))
    for name, column, dash in (
        ("Since the period began", "running_quantity", "solid"),
        ("Quota", "included_quantity", "dash"),
    ):
        figure.add_scatter(
            name=name, x=on, yaxis="y2", mode="lines", line={"dash": dash, "width": 2},
            **_drawn([row[column] for row in days]),
        )  # fmt: skip
    figure.update_layout(
        barmode="stack", yaxis2={"overlaying": "y", "side": "right", "rangemode": "tozero"}
    )
    return figure


def _drawn(values: Sequence[Decimal | None]) -> dict[str, Any]:
    """Quantities as places on an axis, and as the words of the hover."""
    return {
        "y": [as_drawn_number(value) for value in values],
        "customdata": [f.quantity(value) for value in values],
        "hovertemplate": "%{customdata}",
    }
