"""Cutover: who may move to Odoo, what still blocks, and the gate, which a person opens by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards import charts, data, decisions, filters, links
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.layout import Column, Kpi
from dashboards.queries import cutover as queries

PAGE_SIZE = 50
EVERY = "All"
CHECKS = {
    "has_agreeing_periods": "Periods agree",
    "has_identity": "Customer in Odoo",
    "has_tax": "Taxes resolved",
    "has_catalogue": "Prices agree",
    "has_no_exception": "No exception blocks",
}


SERVICES = (
    Column("service", "Service"),
    Column("subscription_count", "Running", "quantity"),
    Column("ready_count", "Ready", "quantity"),
    Column("gate_open_count", "Gate open", "quantity"),
    Column("periods_missing", "Periods do not agree", "quantity"),
    Column("identity_missing", "Not in Odoo", "quantity"),
    Column("tax_missing", "Taxes open", "quantity"),
    Column("catalogue_missing", "Prices differ", "quantity"),
    Column("exceptions_open", "Exceptions block", "quantity"),
)
ROWS = (
    Column("customer_name", "Customer", "name", link=links.customer),
    Column("plan_code", "Plan", "tight"),
    Column("ready", "Ready", "status"),
    Column("gate", "Gate", "status"),
    Column("agreeing", "Agreeing periods", "tight"),
    Column("missing", "What is missing", "wide"),
    Column("external_subscription_id", "Subscription", "key", link=links.readiness),
)
PERIODS = (
    Column("period_start_on", "Period from", "day"),
    Column("status", "Status", "status"),
    Column("expected_amount", "Expected", "money"),
    Column("delta_amount", "Delta", "money"),
    Column("unexplained_amount", "Unexplained", "money"),
    Column("is_accepted", "Causes accepted"),
    Column("is_agreeing", "Agrees"),
    Column("agreeing_period_count", "In a row", "quantity"),
)
GATES = (
    Column("decided_at", "When", "instant"),
    Column("decision", "Decision", "words"),
    Column("from_period_start", "From period", "day"),
    Column("decided_by", "Who"),
    Column("note", "Why", "wide"),
)
CAUSES = (
    Column("period_start", "Period from", "day"),
    Column("cause", "Cause", "status"),
    Column("amount", "Amount", "money"),
    Column("sentence", "In words", "wide"),
)
BLOCKERS = (
    Column("severity", "Severity", "status"),
    Column("description", "Problem", "wide"),
    Column("what_to_do", "What to do", "wide"),
    Column("owner", "Owner", "words"),
)
HISTORY = {
    "agreeing_count": "Agree",
    "missing_actual_count": "Nobody invoiced",
    "disagreeing_count": "Disagree",
}


def show() -> None:
    """The page: all subscriptions, or one, as the address says."""
    if "of" in st.query_params:
        _subscription(st.query_params["of"])
    else:
        _overview()


def _overview() -> None:
    ui.heading(
        "Cutover", "From its gate's period on Odoo issues for a subscription; before, the app."
    )
    service = filters.any_service()
    services = data.rows(queries.SERVICES, service=service)
    if not services:
        ui.empty("No subscription is running", "`billing run` loads and builds the warehouse.")
        return
    _figures(services)
    ui.table(services, SERVICES, title="Readiness by service")
    history = data.rows(queries.HISTORY, service=service)
    if history:
        st.header("History", anchor=False)
        figure = charts.stacked_by_month(history, "period_month", HISTORY)
        charts.show(
            figure, "Running subscriptions by month: agree, nobody invoiced, disagree", "history"
        )
    st.header("Subscriptions", anchor=False)
    _table(service)


def _figures(services: Sequence[Row]) -> None:
    running, ready, opened = (
        sum(row[name] for row in services)
        for name in ("subscription_count", "ready_count", "gate_open_count")
    )
    ui.kpis(
        [
            Kpi("Running", f.quantity(running), "subscriptions"),
            Kpi("Ready", f.quantity(ready), f.percent(f.share(ready, running))),
            Kpi("Gate open", f.quantity(opened), f.percent(f.share(opened, running))),
            Kpi("Not ready", f.quantity(running - ready)),
        ]
    )


def _table(service: str | None) -> None:
    left, right = st.columns(2)
    with left:
        state = filters.choice("State", [EVERY, *queries.STATES], "state")
    with right:
        search = st.text_input("Search", key="cutover-search", placeholder="Customer, plan, id")
    like = filters.like(search)
    parameters: dict[str, Any] = {
        "service": service, "state": None if state == EVERY else state, "search": like,
    }  # fmt: skip
    found = filters.paged(queries.EVERYTHING, PAGE_SIZE, "cutover", **parameters)
    ui.table(
        [_worded(row) for row in found], ROWS, title="Readiness",
        whole=lambda: data.all_rows(queries.EVERYTHING, **parameters),
    )  # fmt: skip


def _worded(row: Row) -> Row:
    return {
        **row,
        "ready": "ready" if row["is_ready"] else "no",
        "gate": "gate_open" if row["is_gate_open"] else "closed",
        "agreeing": f"{row['agreeing_period_count'] or 0} in a row,"
        f" {row['required_period_count']} needed",
    }


def _subscription(subscription_id: str) -> None:
    st.html('<p class="fb no-print"><a href="cutover">← All subscriptions</a></p>')
    decisions.flash()
    row = data.row(queries.ONE, subscription_id=subscription_id)
    if row is None:
        ui.heading("Cutover", "This subscription is not running.")
        return
    ui.heading(row["customer_name"] or subscription_id, f"{row['plan_code']} · {subscription_id}")
    since = f"from {f.day(row['gate_from_period_start'])}" if row["is_gate_open"] else ""
    ui.kpis(
        [
            Kpi(
                "Ready", "yes" if row["is_ready"] else "no", row["missing"] or "nothing is missing"
            ),
            Kpi("Gate", "open" if row["is_gate_open"] else "closed", since),
            *(
                Kpi(label, "yes" if row[name] else "no", _behind(row, name), _tone(row[name]))
                for name, label in CHECKS.items()
            ),
        ]
    )
    _blockers(row)
    st.header("Periods", anchor=False)
    periods = data.rows(queries.PERIODS, subscription_id=subscription_id)
    ui.table(
        [_worded_period(each) for each in periods], PERIODS, title=f"Periods {subscription_id}"
    )
    _causes(row)
    _gate(row)


def _tone(is_good: bool) -> str:
    return "good" if is_good else "bad"


def _worded_period(row: Row) -> Row:
    """Only an explained difference has causes that somebody could accept."""
    return row if row["status"] == "explained" else {**row, "is_accepted": None}


def _behind(row: Row, check: str) -> str:
    """The number or the reason behind a check."""
    return {
        "has_agreeing_periods": f"{row['agreeing_period_count'] or 0} in a row,"
        f" {row['required_period_count']} needed",
        "has_identity": row["identity_certainty"] or "",
        "has_tax": row["tax_problem"] or "",
        "has_catalogue": f"{row['catalogue_drift_count'] or 0} charges differ",
        "has_no_exception": f"{row['blocking_exception_count'] or 0} blocking",
    }[check]


def _blockers(row: Row) -> None:
    found = data.rows(
        queries.EXCEPTIONS, subscription_id=row["subscription_id"], service=row["service"],
        external_customer_id=row["external_customer_id"],
    )  # fmt: skip
    if found:
        st.header("What still blocks", anchor=False)
        ui.table(found, BLOCKERS, title=f"Blockers {row['subscription_id']}")


def _causes(row: Row) -> None:
    causes = data.rows(queries.UNACCEPTED, subscription_id=row["subscription_id"])
    if not causes:
        return
    st.header("Explained, and not accepted yet", anchor=False)
    ui.table(causes, CAUSES, title=f"Causes {row['subscription_id']}")
    if decisions.viewer().may_decide:
        with st.form("accept-causes", border=False, enter_to_submit=False):
            st.text_input("Why they are accepted", key="why-accept", max_chars=500)
            decisions.missing("why-accept")
            st.form_submit_button(
                f"Accept {len(causes)} causes", icon=":material/check:", key="accept",
                on_click=decisions.accept_causes, args=(causes, "why-accept"),
            )  # fmt: skip


def _gate(row: Row) -> None:
    st.header("The gate", anchor=False)
    known = {name: row[name] for name in ("service", "external_subscription_id")}
    ui.table(
        data.rows(queries.GATES, **known), GATES, title=f"Gate {row['subscription_id']}",
        nothing="Nobody has opened or closed it yet.",
    )  # fmt: skip
    viewer = decisions.viewer()
    if not viewer.may_decide:
        st.caption(viewer.why)
        return
    if not row["is_ready"]:
        st.caption("It is not ready: the page opens no gate of it. An operator can, by name.")
    start = _chosen_month(row) if row["is_ready"] and not row["is_gate_open"] else None
    if start or row["is_gate_open"]:
        _gate_form(row, start)


def _gate_form(row: Row, start: datetime | None) -> None:
    with st.form("gate", border=False, enter_to_submit=False):
        st.text_input("Why", key="why-gate", max_chars=500)
        decisions.missing("why-gate")
        if start:
            st.form_submit_button(
                f"Open the gate from {f.day(start)}", type="primary", icon=":material/lock_open:",
                key="open-gate", on_click=decisions.open_gate, args=(row, start, "why-gate"),
            )  # fmt: skip
        else:
            st.form_submit_button(
                "Close the gate", icon=":material/lock:", key="close-gate",
                on_click=decisions.close_gate, args=(row, "why-gate"),
            )  # fmt: skip


def _chosen_month(row: Row) -> datetime:
    """The first instant of a month on the service's clock, from the first that is still open on."""
    zone = ZoneInfo((data.row(queries.TIMEZONE, service=row["service"]) or {})["timezone"])
    first = (row["period_end"] or data.settings().as_of).astimezone(zone)
    months = [(first.month - 1 + ahead) for ahead in range(4)]
    starts = [datetime(first.year + m // 12, m % 12 + 1, 1, tzinfo=zone) for m in months]
    chosen = st.selectbox(
        "First month that Odoo issues", starts, format_func=lambda s: f.month(s.date()), width=260
    )
    return chosen or starts[0]
