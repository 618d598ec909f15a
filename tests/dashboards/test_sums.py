"""One sum has one amount: what a page shows is what the next page and the marts show of it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pages_world import World

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
APRIL = "month=2026-04&currency=CAD"
ZERO = Decimal(0)
ROWS = """rows => rows.map(row => Object.fromEntries(
    [...row.cells].map(cell => [cell.dataset.label, cell.innerText])))"""


def amount(text: str) -> Decimal:
    """$1,234.56 CAD as a number; what is empty is nothing."""
    digits = text.replace("\N{MINUS SIGN}", "-").replace("$", "").replace(",", "")
    digits = digits.removesuffix("CAD").strip()
    return ZERO if digits in ("", "–") else Decimal(digits)


def kpi(page: Page, label: str) -> Decimal:
    return amount(page.locator(f'[data-kpi="{label}"] .value').first.inner_text())


def table(page: Page, title: str) -> list[dict[str, str]]:
    """The rows of a table, cells by their headings, read at one moment; none where none are."""
    name = f'[aria-label="{title}"]'
    page.locator(f"{name}, .fb-empty").first.wait_for(state="attached", timeout=20_000)
    rows: list[dict[str, str]] = page.locator(f"{name} tbody tr").evaluate_all(ROWS)
    return rows


def column(page: Page, title: str, label: str) -> list[Decimal]:
    return [amount(row[label]) for row in table(page, title)]


def test_a_month_s_invoices_are_one_sum_on_every_page(world: World, open_page: Any) -> None:
    (mart,) = world.query(
        "select sum(net_amount) as net from marts.fct_invoices where month_on = '2026-04-01'"
        " and currency = 'CAD' and service is not null"
        " and invoice_state not in ('void', 'unknown')"
    )
    month = open_page(f"month?{APRIL}")
    one_offs = kpi(month, "One-off invoices")
    assert one_offs > ZERO
    assert kpi(month, "Invoiced") + kpi(month, "Billed") + one_offs == mart["net"]
    assert kpi(open_page(f"revenue?{APRIL}"), "Invoiced") == mart["net"]
    invoices = open_page(f"invoices?{APRIL}&state=Every state")
    shown = [
        row
        for state in ("app", "from_here")
        for row in column(open_page(f"invoices?{APRIL}&origin={state}"), "Invoices", "Net")
    ]
    assert sum(shown, ZERO) == mart["net"]
    by_state = column(invoices, "Invoices by state", "Net")
    assert sum(by_state, ZERO) == sum(column(invoices, "Invoices", "Net"), ZERO)
    sheet = open_page(f"month-end?{APRIL}").locator("main, .stMain").first.inner_text()
    for label in ("Invoiced", "Billed", "Expected"):
        assert month.locator(f'[data-kpi="{label}"] .value').inner_text().split()[0] in sheet


def test_the_sides_of_a_month_are_those_of_its_periods(open_page: Any) -> None:
    month, periods = open_page(f"month?{APRIL}"), open_page(f"reconciliation?{APRIL}")
    for label in ("Expected", "Invoiced", "Billed", "Delta"):
        rows = column(periods, "Reconciliation 2026-04", label)
        assert sum(rows, ZERO) == kpi(month, label), label
    causes = column(month, "Causes 2026-04", "Delta")
    assert sum(causes, ZERO) == kpi(month, "Delta")


def test_home_repeats_what_revenue_exceptions_and_approvals_say(open_page: Any) -> None:
    home = open_page("")
    title = "This month beside last month"
    head = home.locator(f'[aria-label="{title}"] th').all_inner_texts()[1:3]
    links = home.locator(f'[aria-label="{title}"] tbody tr').first.locator("a")
    for place, label in enumerate(head):
        revenue = open_page(links.nth(place).get_attribute("href") or "")
        assert kpi(revenue, "Earned") == column(home, title, label)[0]
        assert kpi(revenue, "Usage") == column(home, title, label)[1]
    assert kpi(home, "Open exceptions") == kpi(open_page("exceptions"), "Open")
    waiting = home.locator('[data-kpi="Wait for approval"]').inner_text()
    approvals = open_page("approvals")
    assert amount(waiting.split("\n")[-1]) == kpi(approvals, "Net amount")
    assert waiting.split("\n")[1].split()[0] == str(kpi(approvals, "Lines"))


def test_what_customers_owe_is_what_invoices_and_receivables_say(
    world: World, open_page: Any
) -> None:
    invoices = open_page("invoices?currency=CAD")
    owed, drafts = kpi(invoices, "Owed"), kpi(invoices, "In drafts")
    revenue = open_page("revenue?currency=CAD&tab=Receivables")
    assert sum(column(revenue, "Receivables", "Open"), ZERO) == owed > ZERO
    sums = {"Owed": ZERO, "In drafts": ZERO, "Recurring a month": ZERO}
    for account in world.query("select service, external_customer_id from marts.dim_customers"):
        key = f"{account['service']}:{account['external_customer_id']}"
        page = open_page(f"customers?customer={key}")
        sums = {label: total + kpi(page, label) for label, total in sums.items()}
    recurring = open_page("recurring?currency=CAD")
    newest = column(recurring, "Recurring revenue by month", "Recurring")[0]
    assert sums == {"Owed": owed, "In drafts": drafts, "Recurring a month": newest}


def test_recurring_revenue_is_what_was_before_and_what_moved(open_page: Any) -> None:
    page = open_page("recurring?currency=CAD")
    title = "Recurring revenue by month"
    labels = ("Before", "New", "Reactivation", "Expansion", "Contraction", "Churn")
    months = [{name: amount(row[name]) for name in labels} for row in table(page, title)]
    closing = column(page, title, "Recurring")
    assert [sum(month.values(), ZERO) for month in months] == closing
    assert [month["Before"] for month in months[:-1]] == closing[1:]
    assert any(month["New"] for month in months)


def test_the_forecast_is_the_sum_of_its_parts_and_of_its_rows(open_page: Any) -> None:
    page = open_page("recurring?currency=CAD&tab=Forecast")
    parts = ("Fees", "Usage so far", "Usage to come", "Charged once")
    whole = kpi(page, "Forecast")
    assert sum((kpi(page, label) for label in parts), ZERO) == whole > ZERO
    assert sum(column(page, "Forecast", "Forecast"), ZERO) == whole
