"""A customer's page, the search that leads there, and the invoices: what stands in the marts."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pages_world import World

from dashboards import formats as f

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
WHO, ONE_OFF = "Atelier Boréal", "Union Street Bakery"
ACCOUNT = "select * from marts.dim_customers where customer_name = %s"
PHONE = 390


def _kpi(page: Page, label: str) -> str:
    return page.locator(f'[data-kpi="{label}"] .value').inner_text()


def _cells(page: Page, title: str) -> list[list[str]]:
    """The cells of a table, read at one moment; none where it says that there are none."""
    name = f'[aria-label="{title}"]'
    page.locator(f"{name}, .fb-empty").first.wait_for(state="attached", timeout=20_000)
    read = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    cells: list[list[str]] = page.locator(f"{name} tbody tr").evaluate_all(read)
    return cells


@pytest.fixture
def account(world: World) -> dict[str, Any]:
    (found,) = world.query(ACCOUNT, WHO)
    return found


@pytest.fixture
def page(account: dict[str, Any], open_page: Any) -> Page:
    key = f"{account['service']}:{account['external_customer_id']}"
    found: Page = open_page(f"customers?customer={key}&month=2026-05")
    return found


def test_a_customer_holds_what_the_marts_say(
    world: World, account: dict[str, Any], page: Page
) -> None:
    assert page.locator("h1").inner_text() == WHO
    held = world.query(
        "select plan_name, status, is_held from marts.dim_subscriptions"
        " where external_customer_id = %s",
        account["external_customer_id"],
    )
    assert _kpi(page, "Subscriptions held") == str(sum(row["is_held"] for row in held))
    shown = _cells(page, "Subscriptions")
    assert sorted((row[0], row[1]) for row in shown) == sorted(
        (row["plan_name"], f.words(row["status"])) for row in held
    )


def test_usage_by_day_adds_up_to_the_month_s_beside_its_quota(
    world: World, account: dict[str, Any], page: Page, wait_until_settled: Any
) -> None:
    (metered,) = world.query(
        "select metric, sum(used_quantity) as used, sum(billable_quantity) as beyond"
        " from marts.rpt_usage_by_customer"
        " where external_customer_id = %s and usage_month = '2026-05-01' group by metric",
        account["external_customer_id"],
    )
    page.get_by_role("tab", name="Usage").click()
    wait_until_settled(page)
    chart = page.locator("[data-testid=stPlotlyChart]").first
    chart.wait_for()
    said = page.locator(f'[aria-label*="{f.words(metered["metric"])} by day in May 2026"]').first
    words = said.get_attribute("aria-label") or ""
    assert f"{f.quantity(metered['used'])} used" in words
    assert f"{f.quantity(metered['beyond'])} beyond the quota" in words
    page.get_by_text("The figures").click()
    days = _cells(page, "Usage 2026-05")
    assert sum(Decimal(row[3].replace(",", "")) for row in days) == metered["used"]


def test_what_it_owes_is_apart_from_what_stands_in_drafts(
    world: World, account: dict[str, Any], page: Page, wait_until_settled: Any
) -> None:
    (owed,) = world.query(
        "select sum(open_amount) as owed, coalesce(sum(total_amount)"
        " filter (where invoice_state = 'draft'), 0) as drafts, count(*) as rows"
        " from marts.fct_invoices where external_customer_id = %s or partner_id = %s",
        account["external_customer_id"],
        account["partner_id"],
    )
    shown = {label: _kpi(page, label) for label in ("Owed", "In drafts")}
    assert shown == {
        "Owed": f.money(owed["owed"], "CAD") if owed["owed"] else f.NOTHING,
        "In drafts": f.money(owed["drafts"], "CAD") if owed["drafts"] else f.NOTHING,
    }
    page.get_by_role("tab", name="Invoices and payments").click()
    wait_until_settled(page)
    assert len(_cells(page, "Invoices")) == owed["rows"]
    paid = sum(Decimal(row[7].strip("$").replace(",", "")) for row in _cells(page, "Invoices"))
    payments = sum(Decimal(row[4].strip("$").replace(",", "")) for row in _cells(page, "Payments"))
    open_ = sum(Decimal(row[8].strip("$").replace(",", "")) for row in _cells(page, "Invoices"))
    assert payments == paid - open_ - owed["drafts"]


def test_each_of_its_lines_leads_to_its_story(page: Page, wait_until_settled: Any) -> None:
    page.get_by_role("tab", name="Lines").click()
    wait_until_settled(page)
    link = page.locator('[aria-label="Lines"] a').first
    words = link.inner_text()
    link.click()
    page.wait_for_url("**/reconciliation?line=*")
    wait_until_settled(page)
    assert words in page.locator("[data-story]").inner_text()
    page.locator("[data-story]").get_by_role("link", name=WHO).click()
    page.wait_for_url("**/customers?partner=*")
    wait_until_settled(page)
    assert page.locator("h1").inner_text() == WHO


def test_names_on_other_pages_lead_to_the_customer(open_page: Any, wait_until_settled: Any) -> None:
    for path in ("reconciliation?month=2026-04", "invoices", "cutover", "customers", "exceptions"):
        page = open_page(path)
        page.get_by_role("link", name=re.compile(f"^({WHO}|{ONE_OFF})$")).first.click()
        page.wait_for_url("**/customers?customer=*")
        wait_until_settled(page)
        assert page.locator("h1").inner_text() in (WHO, ONE_OFF), path


def test_the_box_on_every_page_finds_customers_subscriptions_invoices_and_lines(
    world: World, account: dict[str, Any], open_page: Any, wait_until_settled: Any
) -> None:
    page = open_page("exceptions")
    box = page.get_by_role("searchbox", name="Find")
    box.fill("boréal")
    box.press("Enter")
    page.wait_for_url("**/search?word=*")
    wait_until_settled(page)
    groups = page.locator("h2").all_inner_texts()
    assert groups == ["Customers", "Subscriptions", "Invoices"]
    assert [row[0] for row in _cells(page, "Customers")] == [WHO]
    (line,) = world.query(
        "select line_key, description from marts.fct_invoice_lines where customer_name = %s"
        " order by line_key limit 1",
        WHO,
    )
    page = open_page(f"search?word={line['line_key'][:10]}")
    assert [row[0] for row in _cells(page, "Lines")] == [line["description"]]


def test_a_word_of_sql_is_only_a_word(open_page: Any) -> None:
    for word in ("%25%25", "_____", "'; drop table ops.builds; --", "\\"):
        page = open_page(f"search?word={word}x")
        assert page.locator("[data-testid=stAlert]").count() == 0, word
        assert "Nothing found" in page.locator(".fb-empty").inner_text(), word


def test_invoices_are_apart_by_state_and_their_sums_are_the_marts(
    world: World, open_page: Any, wait_until_settled: Any
) -> None:
    sums = world.query(
        "select invoice_state, count(*) as rows, sum(total_amount) as total,"
        " sum(open_amount) as open from marts.fct_invoices where currency = 'CAD' group by 1"
    )
    page = open_page("invoices?currency=CAD")
    shown = {row[0]: (int(row[1]), row[4], row[5]) for row in _cells(page, "Invoices by state")}
    assert shown == {
        f.words(row["invoice_state"]): (
            row["rows"],
            f.bare_money(row["total"], "CAD"),
            f.bare_money(row["open"], "CAD"),
        )
        for row in sums
    }
    page.locator('[aria-label="Invoices by state"]').get_by_role("link", name="Posted").click()
    page.wait_for_url("**/invoices?state=posted*")
    wait_until_settled(page)
    assert {row[5] for row in _cells(page, "Invoices")} == {"Posted"}
    page = open_page("invoices?currency=CAD&due=Overdue")
    assert all(int(row[10]) > 0 for row in _cells(page, "Invoices"))
    assert _kpi(page, "Overdue") == _kpi(page, "Owed")


@pytest.mark.parametrize("path", ["customers?customer={}", "search?word=ma", "invoices"])
def test_nothing_is_wider_than_a_phone(path: str, account: dict[str, Any], open_page: Any) -> None:
    key = f"{account['service']}:{account['external_customer_id']}"
    page = open_page(path.format(key), width=PHONE, scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
