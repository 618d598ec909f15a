"""Expected, invoiced and billed side by side: from the month's table down to one line's story."""

from __future__ import annotations

from datetime import datetime
from html import escape

import streamlit as st

from dashboards import data, filters, links, story
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.layout import Column, Kpi
from dashboards.queries import reconciliation as queries

PAGE_SIZE = 50
EVERY = "Every status"
# What the expected amount is compared with, in words.
COMPARED = {"actual": "invoiced", "billed": "billed"}
ROWS = (
    Column("customer_name", "Customer", "name", link=links.customer),
    Column("plan_code", "Plan", "tight"),
    Column("period_start", "Period from", "day", link=links.period),
    Column("expected_amount", "Expected", "money"),
    Column("actual_amount", "Invoiced", "money"),
    Column("billed_amount", "Billed", "money"),
    Column("delta_amount", "Delta", "money"),
    Column("unexplained_amount", "Unexplained", "money"),
    Column("status", "Status", "status"),
    Column("causes", "Causes", "words"),
    Column("external_subscription_id", "Id", "key"),
)
CAUSES = (
    Column("cause", "Cause", "status"),
    Column("amount", "Amount", "money"),
    Column("sentence", "In words", "wide"),
    Column("evidence", "Evidence"),
)
LINES = (
    Column("description", "Line", "wide", link=links.line),
    Column("quantity", "Quantity", "quantity"),
    Column("unit_price", "Price", "price"),
    Column("amount", "Amount", "money"),
    Column("state", "State", "status"),
    Column("blocked_reason", "What keeps it from being published", "wide"),
)
DOCUMENTS = (
    Column("odoo_name", "In Odoo", link=links.move),
    Column("document_key", "Document", "tight", link=links.move),
    Column("state", "State", "status"),
    Column("odoo_state", "State in Odoo", "status"),
    Column("expected_untaxed_amount", "Net", "money"),
    Column("expected_tax_amount", "Tax", "money"),
    Column("expected_total_amount", "Total", "money"),
)
ONE_OFFS = (
    Column("invoice_number", "Invoice", "tight"),
    Column("customer_name", "Customer", link=links.customer),
    Column("issued_at", "Issued", "day"),
    Column("amount", "Net", "money"),
    Column("tax_amount", "Tax", "money"),
    Column("total_amount", "Total", "money"),
    Column("invoice_status", "Status", "status"),
    Column("match_status", "In Odoo", "status"),
    Column("odoo_name", "Odoo's number", "tight", link=links.move),
)


def show() -> None:
    """The page: a line, a period, or the table, as the address says."""
    asked = st.query_params
    if "line" in asked:
        _line(asked["line"])
    elif "of" in asked and "from" in asked:
        _period(asked["of"], asked["from"])
    else:
        _table()


def _table() -> None:
    ui.heading("Reconciliation", "Every service period with its three sides, net of tax.")
    scope = filters.scope()
    if scope is None:
        return
    left, middle, right = st.columns(3)
    with left:
        status = filters.choice("Status", [EVERY, *queries.STATUSES], "status")
    with middle:
        order = filters.choice("Order", list(queries.ORDERS), "order")
    with right:
        search = st.text_input(
            "Search", key="search", placeholder="Customer, subscription, plan, invoice",
            bind="query-params",
        )  # fmt: skip
    parameters = {
        **scope.as_parameters(),
        "status": None if status == EVERY else status,
        "search": filters.like(search),
    }
    shown = filters.paged(queries.everything(order), PAGE_SIZE, "reconciliation", **parameters)
    ui.table(
        shown, ROWS, title=f"Reconciliation {scope.month:%Y-%m}",
        nothing="No period matches these filters.",
        whole=lambda: data.all_rows(queries.everything(order), **parameters),
    )  # fmt: skip
    _asset("marts", "fct_reconciliation")
    st.header("Invoices without a subscription", anchor=False)
    st.caption("In the month of the time that they name; of their issue where they name none.")
    ui.table(
        data.rows(queries.ONE_OFFS, **scope.as_parameters()), ONE_OFFS,
        title=f"One-off invoices {scope.month:%Y-%m}", nothing="The app issued none in this month.",
    )  # fmt: skip


def _period(subscription_id: str, start: str) -> None:
    key = {"subscription_id": subscription_id, "period_start": _instant(start)}
    found = data.row(queries.ONE, **key) if key["period_start"] else None
    _back("reconciliation", "All periods")
    if found is None:
        ui.heading("Reconciliation", "This period has no amount on any side.")
        return
    title = found["customer_name"] or found["external_subscription_id"]
    span = f"{f.day(found['period_start'])} to {f.last_day(found['period_end'])}"
    ui.heading(title, f"{found['plan_code'] or 'no plan'} · {span}")
    _sides(found)
    st.header("Why it differs", anchor=False)
    causes = data.rows(queries.CAUSES, **key)
    ui.table(causes, CAUSES, title=f"Causes {subscription_id}", nothing=_no_cause(found))
    st.header("Lines", anchor=False)
    ui.table(
        data.rows(queries.LINES, **key), LINES, title=f"Lines {subscription_id}",
        nothing="Nothing was rated for this period.",
    )  # fmt: skip
    _documents(found)
    _asset("marts", "fct_invoice_lines")


def _sides(found: Row) -> None:
    currency = found["currency"]
    ui.kpis(
        [
            Kpi("Expected", f.money(found["expected_amount"], currency), _list_price(found)),
            Kpi("Invoiced", f.money(found["actual_amount"], currency), _invoices(found)),
            Kpi("Billed", f.money(found["billed_amount"], currency), "in Odoo"),
            Kpi(
                "Delta",
                f.money(found["delta_amount"], currency),
                f"expected less {COMPARED[found['compared_side']]}",
                ui.tone_of(found["delta_amount"]),
            ),
            Kpi("Unexplained", f.money(found["unexplained_amount"], currency)),
            Kpi(
                "Tax difference",
                f.money(found["tax_delta_amount"], currency),
                f"expected {f.money(found['expected_tax_amount'], currency)}",
            ),
        ]
    )
    st.html(f"<p>{ui.pill(found['status'])}</p>")


def _list_price(found: Row) -> str:
    return f"list price {f.money(found['list_amount'], found['currency'])}"


def _invoices(found: Row) -> str:
    numbers = ", ".join(found["invoice_numbers"] or []) or "no invoice"
    void = ", ".join(found["void_invoice_numbers"] or [])
    return f"{numbers}; void: {void}" if void else numbers


def _no_cause(found: Row) -> str:
    if found["status"] == "match":
        return "Both sides agree, to the tolerance."
    return "No cause is proven by a stored fact; the whole difference is unexplained."


def _documents(found: Row) -> None:
    keys = found["document_keys"]
    if keys:
        st.header("Documents", anchor=False)
        documents = data.rows(queries.DOCUMENTS, document_keys=list(keys))
        ui.table(documents, DOCUMENTS, title=f"Documents {found['subscription_id']}")


def _line(line_key: str) -> None:
    found = data.row(queries.STORY, line_key=line_key)
    if found is None:
        _back("reconciliation", "All periods")
        ui.heading("Line", "There is no line of this key; it may have changed since the link.")
        return
    period = {
        **found,
        "period_start": found["corrects_period_start"] or found["service_period_start"],
    }
    _back(links.period(period), "The period")
    ui.heading("A line's story", "From the period to the cent, and who decided about it.")
    st.html(story.card(found))
    document = (found["publication"] or {}).get("document")
    if document:
        _documents({"document_keys": [document], "subscription_id": found["subscription_id"]})
    _asset("serving", "rpt_line_story")


def _back(target: str, label: str) -> None:
    st.html(f'<p class="fb no-print"><a href="{escape(target)}">← {escape(label)}</a></p>')


def _asset(*key: str) -> None:
    target = escape(links.dagster(*key))
    name = escape("/".join(key))
    st.html(
        f'<p class="fb fb-caption no-print">Built by <a href="{target}">{name}</a> in Dagster</p>'
    )


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
