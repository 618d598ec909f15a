"""The choices above a page: month, service, currency. They stand in the address, so that a page
can be sent to a colleague.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from dashboards import formats as f
from dashboards import layout
from dashboards.data import Row, all_rows, rows
from dashboards.queries import common

EVERY = "All services"
PAGE_SIZE = 50
MONTH = re.compile(r"\d{4}-\d{2}")
# What is chosen once and holds on every page until something else is chosen.
TRAVELLING = frozenset({"month", "service", "currency"})


@dataclass(frozen=True)
class Scope:
    """A month, one currency, and one service or all."""

    month: date
    currency: str
    service: str | None

    def as_parameters(self) -> dict[str, Any]:
        """The scope as named query parameters."""
        return {"month": self.month, "currency": self.currency, "service": self.service}


def scope() -> Scope | None:
    """Let the viewer choose; None where nothing was reconciled yet, which the page then says."""
    months = [row["period_month"] for row in rows(common.MONTHS)]
    currencies = [row["currency"] for row in rows(common.CURRENCIES)]
    if not months or not currencies:
        layout.empty(
            "Nothing is reconciled yet",
            "No service period is over, or nothing was loaded: `billing run` loads and builds.",
        )
        return None
    left, middle, right = st.columns(3)
    with left:
        chosen = choice("Month", [f"{each:%Y-%m}" for each in months], "month")
    with middle:
        service = any_service()
    with right:
        currency = choice("Currency", currencies, "currency")
    return Scope(date.fromisoformat(f"{chosen}-01"), currency, service)


def any_service() -> str | None:
    """One service, or None for all."""
    found = choice(
        "Service", [EVERY, *(row["service"] for row in rows(common.SERVICES))], "service"
    )
    return None if found == EVERY else found


def choice(label: str, options: Sequence[str], key: str) -> str:
    """One of several; kept in the address under `key`, and some from page to page."""
    asked = st.query_params.get(key) or st.session_state.get(f"chosen-{key}")
    if key in TRAVELLING and asked in options:
        st.query_params[key] = st.session_state[f"chosen-{key}"] = str(asked)
    start = options.index(asked) if asked in options else 0
    picked = st.selectbox(
        label, options, index=start, key=f"filter-{key}", format_func=_shown,
        on_change=_remember, args=(key,),
    )  # fmt: skip
    return str(picked)


def _shown(option: str) -> str:
    if MONTH.fullmatch(option):
        return f.month(date.fromisoformat(f"{option}-01"))
    return f.words(option) if option.islower() and "_" in option else option


def _remember(key: str) -> None:
    st.query_params[key] = st.session_state[f"chosen-{key}"] = st.session_state[f"filter-{key}"]


def like(text: str | None) -> str | None:
    """A pattern that finds text anywhere, letter by letter; None where nothing is asked for."""
    escaped = re.sub(r"([%_\\])", r"\\\1", (text or "").strip())
    return f"%{escaped}%" if escaped else None


def table(
    query: str,
    columns: Sequence[layout.Column],
    parameters: Mapping[str, Any],
    title: str,
    nothing: str = "Nothing to show for this selection.",
) -> None:
    """A long table by the page, with the whole of it as an export."""
    layout.table(
        paged(query, PAGE_SIZE, title, **parameters), columns, title=title, nothing=nothing,
        whole=lambda: all_rows(query, **parameters),
    )  # fmt: skip


def paged(query: str, size: int, key: str, **parameters: Any) -> list[Row]:
    """The rows of a long answer that are on the chosen page, and the choice of the page."""
    found = asked_page(common.page(query), size, key, **parameters)
    page_of(found[0]["total_rows"] if found else 0, size, key)
    return found


def asked_page(query: str, size: int, key: str, **parameters: Any) -> list[Row]:
    """The same of a query that counts (`total_rows`) and limits by itself; no choice is drawn."""
    number = int(st.session_state.get(f"page-{key}", 1)) - 1
    found = rows(query, **parameters, size=size, offset=number * size)
    if number and not found:  # the choice has fewer pages than the one before
        st.session_state[f"page-{key}"] = 1
        found = rows(query, **parameters, size=size, offset=0)
    return found


def page_of(total: int, size: int, key: str, things: str = "rows") -> int:
    """Which page of a long table: 0 for the first; says how many rows there are."""
    pages = max(1, -(-total // size))
    if pages == 1:
        return 0
    number = st.number_input(
        f"Page of {pages:,} ({total:,} {things})", 1, pages, 1, key=f"page-{key}", width=220
    )
    return int(number) - 1
