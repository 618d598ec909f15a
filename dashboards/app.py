"""The finance pages' front door: who looks, which page, and what is said when something is wrong.

Started by `billing dashboard`. The outermost boundary for errors of ours is here: one message that
says how to fix it, no traceback, no secret.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path

import psycopg2
import streamlit as st
from streamlit.navigation.page import StreamlitPage

from connections.errors import DatabaseUnreachable, SettingsError
from dashboards import data, identity
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import NotBuilt
from dashboards.identity import Viewer
from dashboards.queries import common
from dashboards.views import (
    approvals,
    customers,
    cutover,
    exceptions,
    home,
    imports,
    invoices,
    month,
    month_end,
    reconciliation,
    recurring,
    revenue,
    search,
)

PAGES: dict[str, tuple[tuple[Callable[[], None], str, str, str], ...]] = {
    "Start": (
        (home.show, "Home", "home", "home"),
        (customers.show, "Customers", "customers", "group"),
    ),
    "Prove": (
        (month.show, "Month", "month", "calendar_month"),
        (reconciliation.show, "Reconciliation", "reconciliation", "balance"),
        (exceptions.show, "Exceptions", "exceptions", "error"),
    ),
    "Bill": (
        (invoices.show, "Invoices", "invoices", "receipt_long"),
        (approvals.show, "Approvals", "approvals", "task_alt"),
        (cutover.show, "Cutover", "cutover", "moving"),
        (imports.show, "Import", "import", "move_to_inbox"),
    ),
    "Report": (
        (revenue.show, "Revenue", "revenue", "payments"),
        (recurring.show, "Recurring", "recurring", "autorenew"),
        (month_end.show, "Month-end", "month-end", "print"),
    ),
}
# Of this folder: Streamlit would fetch a named icon from a font server.
ICON = Path(__file__).with_name("icon.svg")
log = logging.getLogger("dashboards")


def main() -> None:
    """One run of the app."""
    st.set_page_config(page_title="Fusion Billing", page_icon=str(ICON), layout="wide")
    ui.style()
    viewer = _viewer()
    if viewer is None:
        return
    found = st.Page(
        partial(_guarded, search.show), title="Search", url_path="search", visibility="hidden"
    )
    page = st.navigation({**_sections(), "": [found]})
    if "sought" in st.session_state:
        st.switch_page(found, query_params={"word": st.session_state.pop("sought")})
    _guarded(partial(_show, viewer, page.run))


def _sections() -> dict[str, list[StreamlitPage]]:
    return {
        section: [
            st.Page(
                partial(_guarded, show),
                title=title,
                url_path=path,
                icon=f":material/{icon}:",
                default=path == "home",
            )
            for show, title, path, icon in pages
        ]
        for section, pages in PAGES.items()
    }


def _show(viewer: Viewer, page: Callable[[], None]) -> None:
    """The page and what stands beside it, from one build."""
    with data.one_build() as build:
        if build and build.failed_at:
            st.warning(f.literal(f"These are figures {build.sentence}"))
        _sidebar(viewer)
        _search_box()
        page()


def _search_box() -> None:
    with st.container(key="find"):
        st.text_input(
            "Find",
            key="find-word",
            type="search",
            label_visibility="collapsed",
            width=420,
            placeholder="Find a customer, subscription, invoice, line",
            on_change=_seek,
        )


def _seek() -> None:
    word = st.session_state["find-word"].strip()
    if word:
        st.session_state["sought"] = word


def _viewer() -> Viewer | None:
    """Who looks; None where nobody may, after saying so."""
    try:
        viewer = identity.current(data.settings())
    except SettingsError as error:
        st.error(f.literal(str(error)))
        return None
    st.session_state["viewer"] = viewer
    if viewer.role != "nobody":
        return viewer
    st.title("Fusion Billing", anchor=False)
    st.info(f.literal(viewer.why))
    if identity.has_oidc() and not viewer.name:
        st.button("Sign in", on_click=st.login, type="primary")
    return None


def _sidebar(viewer: Viewer) -> None:
    with st.sidebar:
        who = f"{viewer.name} · {viewer.role}" if viewer.name else "Not signed in"
        st.html(f"<b>{escape(who)}</b>")
        st.caption(f.literal(viewer.why))
        if identity.has_oidc() and viewer.name:
            st.button("Sign out", on_click=st.logout)
        _guarded(_freshness)


def _freshness() -> None:
    found = data.row(common.FRESHNESS)
    loaded = found["loaded_at"] if found else None
    st.caption(f"Loaded {f.instant(loaded)}, Toronto time" if loaded else "Nothing is loaded yet")


def _guarded(show: Callable[[], None]) -> None:
    try:
        show()
    except (NotBuilt, SettingsError, DatabaseUnreachable) as error:
        st.error(f.literal(str(error)), icon=":material/error:")
    except psycopg2.errors.QueryCanceled:
        log.exception("a page took too long")
        st.error(
            "The warehouse took too long to answer: choose one service or search for less, and tell"
            " an operator when it stays so."
        )
    except psycopg2.Error as error:
        log.exception("a page failed")
        st.error(
            f"The warehouse did not answer ({type(error).__name__}): load the page again; the log"
            " of `billing dashboard` has the details."
        )


main()
