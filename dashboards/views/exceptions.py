"""A work list: what a person has to look at, what it blocks, what to do, who has seen it."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import streamlit as st

from dashboards import data, decisions, filters, links
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.layout import Kpi
from dashboards.queries import exceptions as queries

PAGE_SIZE = 20
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EVERY_KIND, EVERY_SEVERITY = "Every kind", "Every severity"


def show() -> None:
    """The page."""
    ui.heading("Exceptions", "What a person has to look at; a blocking one holds lines back.")
    decisions.flash()
    parameters, order = _choices()
    _figures(parameters["service"])
    shown = filters.paged(queries.everything(order), PAGE_SIZE, "exceptions", **parameters)
    if not shown:
        ui.empty("Nothing to look at", "No exception is open in this selection.")
        return
    ui.downloads("Exceptions", lambda: data.all_rows(queries.everything(order), **parameters))
    may_decide = decisions.viewer().may_decide
    for row in shown:
        _exception(row, may_decide)


def _figures(service: str | None) -> None:
    found = data.row(queries.SUMMARY, service=service) or {}
    stakes = data.rows(queries.STAKES, service=service)
    at_stake = " + ".join(f.money(row["stake_amount"], row["currency"]) for row in stakes)
    oldest = found.get("oldest_days")
    ui.kpis(
        [
            Kpi("Open", f.quantity(found.get("open_count"))),
            Kpi("Blocking", f.quantity(found.get("blocking_count")), "hold lines back"),
            Kpi("High or critical", f.quantity(found.get("urgent_count"))),
            Kpi("At stake", at_stake or f.NOTHING),
            Kpi("Oldest", f"{oldest} days" if oldest is not None else f.NOTHING),
            Kpi("Acknowledged", f.quantity(found.get("acknowledged_count"))),
        ]
    )


def _choices() -> tuple[dict[str, Any], str]:
    kinds = [row["kind"] for row in data.rows(queries.KINDS)]
    first, second, third, fourth = st.columns(4)
    with first:
        service = filters.any_service()
    with second:
        kind = filters.choice("Kind", [EVERY_KIND, *kinds], "kind")
    with third:
        severity = filters.choice("Severity", [EVERY_SEVERITY, *queries.SEVERITIES], "severity")
    with fourth:
        order = filters.choice("Order", list(queries.ORDERS), "by")
    every = st.toggle("Show acknowledged ones too", key="exceptions-every")
    parameters = {
        "service": service,
        "kind": None if kind == EVERY_KIND else kind,
        "severity": None if severity == EVERY_SEVERITY else severity,
        "every": every,
    }
    return parameters, order


def _exception(row: Row, may_decide: bool) -> None:
    key = row["exception_key"]
    with st.container(border=True, key=f"exception-{key}"):
        st.html(_card(row))
        if not row["is_open"]:
            return
        with st.popover("Acknowledge", icon=":material/done:", disabled=not may_decide):
            with st.form(f"acknowledge-{key}", border=False):
                st.text_area("Why it may wait", key=f"why-{key}", max_chars=500)
                decisions.missing(f"why-{key}")
                st.date_input("Until (empty: while its facts hold)", None, key=f"until-{key}")
                st.form_submit_button(
                    "Acknowledge", on_click=decisions.acknowledge, type="primary",
                    args=(row, f"why-{key}", f"until-{key}"),
                )  # fmt: skip


def _about(row: Row) -> str:
    if row["subscription_id"] and row["period_start"]:
        return f"{row['subscription_id']}, period from {f.day(row['period_start'])}"
    subject = row["subject"] or ""
    return "" if UUID.fullmatch(subject) else subject  # the export has it; nobody reads it


def _card(row: Row) -> str:
    marks = ui.pill(row["severity"])
    if row["is_blocking"]:
        marks += ' <span class="fb-pill bad">Blocks lines</span>'
    seen = ""
    if row["acknowledged_by"]:
        until = f" until {f.day(row['acknowledged_until'])}" if row["acknowledged_until"] else ""
        seen = f"{row['acknowledged_by']}, {f.instant(row['acknowledged_at'])}{until}:"
        seen += f" {row['acknowledgement_note'] or ''}"
    stake = f.money(row["stake_amount"], row["currency"])
    head = f"<b>{escape(row['description'])}</b> {marks}"
    return f'<div class="fb">{head}</div>' + ui.facts(
        [
            ("At stake", stake if row["stake_amount"] is not None else ""),
            ("Customer", row["customer_name"] or "", links.customer(row)),
            ("About", _about(row)),
            (
                "Since",
                f"{f.day(row['since_at'])}, {row['age_days']} days" if row["since_at"] else "",
            ),
            ("Kind", f.words(row["kind"])),
            ("Owner", f.words(row["owner"] or "")),
            ("What to do", row["what_to_do"] or ""),
            ("Seen by", seen),
        ]
    )
