"""What a word finds in all of the warehouse, grouped; the box for it stands on every page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboards import data, filters, links
from dashboards import layout as ui
from dashboards.layout import Column
from dashboards.queries import search as queries
from dashboards.views.invoices import INVOICE

# So many of a group are shown; who wants more writes more of the word.
SHOWN = 20
LEAST_LETTERS = 2
CUSTOMER = Column("customer_name", "Customer", "name", link=links.customer)
GROUPS: Sequence[tuple[str, str, Sequence[Column]]] = (
    (
        "Customers",
        queries.CUSTOMERS,
        (
            CUSTOMER,
            Column("email", "E-mail"),
            Column("service", "Service"),
            Column("province", "Province"),
            Column("partner_name", "Partner in Odoo", "name"),
        ),
    ),
    (
        "Subscriptions",
        queries.SUBSCRIPTIONS,
        (
            Column("external_subscription_id", "Subscription", link=links.usage),
            CUSTOMER,
            Column("plan_name", "Plan", "name"),
            Column("status", "Status", "status"),
            Column("deployment_names", "Deployments"),
        ),
    ),
    ("Invoices", queries.INVOICES, (INVOICE[0], CUSTOMER, *INVOICE[1:])),
    (
        "Lines",
        queries.LINES,
        (
            Column("description", "Line", "wide", link=links.line),
            CUSTOMER,
            Column("service_period_start", "Period from", "day"),
            Column("amount", "Net", "money"),
        ),
    ),
)


def show() -> None:
    """The page."""
    word = " ".join(st.query_params.get("word", "").split())
    ui.heading("Search", "Customers, subscriptions, invoices and lines that carry a word.")
    if len(word) < LEAST_LETTERS:
        ui.empty("Nothing is searched for", "Write two letters or more into the box at the top.")
        return
    asked = {"word": word.lower(), "like": filters.like(word), "size": SHOWN + 1}
    counts = [_group(name, query, columns, asked) for name, query, columns in GROUPS]
    if not any(counts):
        ui.empty("Nothing found", f"Nothing carries “{word}”: write less of it, or another word.")


def _group(name: str, query: str, columns: Sequence[Column], asked: Mapping[str, object]) -> int:
    """The hits of a group under its name; how many there are."""
    found = data.rows(query, **asked)
    if found:
        st.header(name, anchor=False)
        ui.table(found[:SHOWN], columns, title=name, export=False)
    if len(found) > SHOWN:
        st.caption(f"The first {SHOWN}; write more of the word to see fewer.")
    return len(found)
