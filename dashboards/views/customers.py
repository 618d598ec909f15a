"""One customer on one page, and the list of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from dashboards import charts, data, filters, links
from dashboards import formats as f
from dashboards import layout as ui
from dashboards.data import Row
from dashboards.layout import Column, Kpi
from dashboards.queries import customers as queries
from dashboards.views.invoices import INVOICE

CUSTOMERS = (
    Column("customer_name", "Customer", "name", link=links.customer),
    Column("service", "Service"),
    Column("province", "Province"),
    Column("partner_name", "Partner in Odoo", "name"),
    Column("held_count", "Subscriptions held", "quantity"),
    Column("subscription_count", "Ever", "quantity"),
)
SUBSCRIPTIONS = (
    Column("plan_name", "Plan", "name"),
    Column("status", "Status", "status"),
    Column("price_amount", "Price", "money"),
    Column("billing_interval", "For each", "words"),
    Column("started_at", "From", "day"),
    Column("ended_at", "Until", "day"),
    Column("deployment_count", "Deployments", "quantity"),
    Column("problem", "Problem", "words"),
    Column("external_subscription_id", "Id", "key", link=links.readiness),
)
DAYS = (
    Column("usage_on", "Day", "day"),
    Column("metric", "Metric", "words"),
    Column("plan_code", "Plan", "tight"),
    Column("used_quantity", "Used", "quantity"),
    Column("running_quantity", "Since the period began", "quantity"),
    Column("included_quantity", "Quota", "quantity"),
    Column("billable_on_day_quantity", "Beyond the quota", "quantity"),
)
PAYMENTS = (
    Column("paid_at", "Entered", "instant"),
    Column("invoice_number", "Invoice", "tight"),
    Column("settled_by", "Settled by", "words"),
    Column("payment_reference", "Reference", "tight"),
    Column("amount", "Amount", "money"),
)
LINES = (
    Column("description", "Line", "wide", link=links.line),
    Column("service_period_start", "Period from", "day"),
    Column("amount", "Net", "money"),
    Column("state", "State", "status"),
    Column("blocked_reason", "What keeps it from being published", "wide"),
)
EXCEPTIONS = (
    Column(
        "description", "Exception", "wide",
        link=lambda row: links.page("exceptions", kind=row["kind"]),
    ),
    Column("severity", "Severity", "status"),
    Column("is_blocking", "Holds lines"),
    Column("is_open", "Open"),
    Column("stake_amount", "At stake", "money"),
    Column("what_to_do", "What to do", "wide"),
)  # fmt: skip
DIFFERENCES = (
    Column("period_start", "Period from", "day", link=links.period),
    Column("plan_code", "Plan", "tight"),
    Column("expected_amount", "Expected", "money"),
    Column("actual_amount", "Invoiced", "money"),
    Column("billed_amount", "Billed", "money"),
    Column("delta_amount", "Delta", "money"),
    Column("unexplained_amount", "Unexplained", "money"),
    Column("status", "Status", "status"),
    Column("causes", "Causes", "words"),
)
DECISIONS = (
    Column("decided_at", "When", "instant"),
    Column("decision", "Decision", "words"),
    Column("subject_type", "About", "words"),
    Column("description", "What", "wide", link=links.line),
    Column("decided_by", "Who"),
    Column("amount", "Amount", "money"),
    Column("reason", "Why", "wide"),
)


def show() -> None:
    """The page: one customer, or all, as the address says."""
    service, _, account = st.query_params.get("customer", "").partition(":")
    partner = st.query_params.get("partner", "")
    if account:
        _customer(service, account)
    elif partner.isdecimal():
        _of_partner(int(partner))
    else:
        _list()


def _of_partner(partner: int) -> None:
    """Odoo's documents name who pays: one account, or several to choose from."""
    found = data.rows(queries.CUSTOMERS, service=None, search=None, partner=partner)
    if len(found) == 1:
        _customer(found[0]["service"], found[0]["external_customer_id"])
        return
    ui.heading("Customers", "Those for whom this partner pays in Odoo.")
    nothing = "This partner of Odoo is nobody's customer here."
    ui.table(found, CUSTOMERS, title="Customers of the partner", nothing=nothing)


def _list() -> None:
    ui.heading("Customers", "Everybody who holds or held something, and who pays for it.")
    left, right = st.columns(2)
    with left:
        service = filters.any_service()
    with right:
        search = st.text_input(
            "Name or e-mail", key="customers-search", placeholder="Part of a name or an address"
        )
    like = filters.like(search)
    parameters = {"service": service, "search": like, "partner": None}
    nothing = "No customer of this name."
    filters.table(queries.CUSTOMERS, CUSTOMERS, parameters, "Customers", nothing)


def _customer(service: str, account: str) -> None:
    st.html('<p class="fb no-print"><a href="customers">← All customers</a></p>')
    found = data.row(queries.ONE, service=service, account=account)
    if found is None:
        ui.heading("Customer", "There is no customer of this address; it may have been deleted.")
        return
    ui.heading(found["customer_name"] or account, "What it holds, used, was invoiced and paid.")
    st.html(
        ui.facts(
            [
                ("Service", found["service"]),
                ("E-mail", found["email"] or ""),
                ("Province", found["province"] or ""),
                ("Pays in Odoo", found["partner_name"] or "no partner yet"),
            ]
        )
    )
    subscriptions = data.rows(queries.SUBSCRIPTIONS, service=service, account=account)
    of: dict[str, Any] = {
        "service": service,
        "account": account,
        "partner": found["partner_id"],
        "subscriptions": [row["subscription_id"] for row in subscriptions],
    }
    exceptions = data.rows(queries.EXCEPTIONS, **of)
    _figures(found, subscriptions, exceptions, of)
    ui.tabs(
        {
            "Subscriptions": partial(_subscriptions, subscriptions),
            "Usage": partial(_usage, subscriptions),
            "Invoices and payments": partial(_money, of),
            "Lines": partial(_lines, of),
            "Exceptions and differences": partial(_troubles, exceptions, of),
            "Decisions": partial(_decided, of),
        }
    )


def _subscriptions(subscriptions: Sequence[Row]) -> None:
    ui.table(subscriptions, SUBSCRIPTIONS, title="Subscriptions", nothing="It holds nothing.")


def _lines(of: dict[str, Any]) -> None:
    filters.table(queries.LINES, LINES, of, "Lines", "Nothing was rated for it yet.")


def _troubles(exceptions: Sequence[Row], of: dict[str, Any]) -> None:
    ui.table(exceptions, EXCEPTIONS, title="Exceptions", nothing="No exception is known.")
    st.header("Periods that differ", anchor=False)
    filters.table(queries.DIFFERENCES, DIFFERENCES, of, "Differences", "Every period agrees.")


def _decided(of: dict[str, Any]) -> None:
    filters.table(queries.DECISIONS, DECISIONS, of, "Decisions", "Nobody decided about it yet.")


def _figures(
    found: Row, subscriptions: Sequence[Row], exceptions: Sequence[Row], of: dict[str, Any]
) -> None:
    mrr, owed = data.rows(queries.MRR, **of), data.rows(queries.OWED, **of)
    overdue = [row for row in owed if row["overdue_amount"]]
    oldest = max((row["overdue_days"] for row in overdue), default=0)
    open_count = sum(row["is_open"] for row in exceptions)
    held = sum(row["is_held"] for row in subscriptions)
    problem = found["identity_problem"] or found["tax_problem"] or ""
    ui.kpis(
        [
            Kpi("Subscriptions held", f.quantity(held), f"of {len(subscriptions)} ever"),
            Kpi("Recurring a month", _sum(mrr, "mrr_amount"), "fees in force, net"),
            Kpi("Owed", _sum(owed, "open_amount"), "posted, tax included"),
            Kpi(
                "Overdue", _sum(overdue, "overdue_amount"),
                f"the oldest for {f.counted(oldest, 'day')}" if overdue else "",
                "bad" if overdue else "",
            ),
            Kpi("In drafts", _sum(owed, "draft_amount"), "not owed before they are posted"),
            Kpi("Open exceptions", f.quantity(open_count), f.words(problem) if problem else ""),
        ]
    )  # fmt: skip


def _sum(rows: Sequence[Row], name: str) -> str:
    """Amounts of several currencies beside each other; nothing of a currency is left out."""
    shown = [f.money(row[name], row["currency"]) for row in rows if row[name]]
    return " + ".join(shown) or f.NOTHING


def _money(of: dict[str, Any]) -> None:
    nothing = "Nobody invoiced it yet."
    filters.table(queries.INVOICES, INVOICE, of, "Invoices", nothing)
    st.header("Payments", anchor=False)
    filters.table(queries.PAYMENTS, PAYMENTS, of, "Payments", "No payment is known.")


def _usage(subscriptions: Sequence[Row]) -> None:
    """Usage by day beside the quota, of one subscription, metric and month."""
    if not subscriptions:
        ui.empty("No usage", "It holds no subscription.")
        return
    left, middle, right = st.columns(3)
    with left:
        names = {row["external_subscription_id"]: row for row in subscriptions}
        chosen = names[filters.choice("Subscription", list(names), "of")]
    days = data.rows(queries.USAGE, subscription=chosen["subscription_id"])
    if not days:
        ui.empty("No usage", "No record of this subscription counts on a charge.")
        return
    with middle:
        months = dict.fromkeys(f"{row['usage_on']:%Y-%m}" for row in days)
        month = filters.choice("Month", list(months), "month")
    of_month = [row for row in days if f"{row['usage_on']:%Y-%m}" == month][::-1]
    with right:
        metric = filters.choice("Metric", sorted({r["metric"] for r in of_month}), "metric")
    shown = [row for row in of_month if row["metric"] == metric]
    said = f"{f.words(metric)} by day in {f.month(date.fromisoformat(f'{month}-01'))}"
    charts.show(charts.usage_by_day(shown), f"{said}: {_total(shown)}", "usage")
    with st.expander("The figures"):
        ui.table(shown, DAYS, title=f"Usage {month}")


def _total(days: Sequence[Row]) -> str:
    used = sum((row["used_quantity"] for row in days), Decimal(0))
    beyond = sum((row["billable_on_day_quantity"] for row in days), Decimal(0))
    return f"{f.quantity(used)} used, {f.quantity(beyond)} beyond the quota"
