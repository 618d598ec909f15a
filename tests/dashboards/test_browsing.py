"""The pages in a browser: they render, their figures are the warehouse's, they stay at home."""

from __future__ import annotations

import csv
import io
import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pages_world import APPROVERS, PAGES, World

from dashboards import formats as f

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
APRIL = "?month=2026-04"
SCREENSHOTS = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
LARGEST_SCREENSHOT = 150_000
PHONE = 390
KPI_SQL = """
    select
        sum(expected_amount) as "Expected", sum(actual_amount) as "Invoiced",
        coalesce(sum(billed_amount), 0) as "Billed", sum(delta_amount) as "Delta"
    from marts.fct_reconciliation
    where period_start = '2026-04-01T04:00:00Z' and currency = 'CAD'
"""
STAKE_SQL = """
    select sum(leakage_amount) as "Leakage", sum(overbilling_amount) as "Overbilling"
    from marts.rpt_money_at_stake
    where period_month = '2026-04-01' and currency = 'CAD'
"""


def _troubles(page: Page) -> list[str]:
    found = page.locator("[data-testid=stException], [data-testid=stAlert]")
    return [text for text in found.all_inner_texts() if "switched off" not in text]


def _kpi(page: Page, label: str) -> str:
    return page.locator(f'[data-kpi="{label}"] .value').inner_text()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_the_sample(path: str, open_page: Any) -> None:
    page = open_page(f"{path}{APRIL}", groups=APPROVERS)
    assert _troubles(page) == []
    assert page.locator("h1").inner_text()
    page.locator("table.fb-table, .fb-card, .fb-paper, .fb-facts").first.wait_for()
    _screenshot(page, path or "home")
    page.set_viewport_size({"width": PHONE, "height": 800})
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    _screenshot(page, f"{path or 'home'}-phone")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_an_empty_warehouse_says_so(path: str, open_page: Any) -> None:
    page = open_page(path, server="empty")
    assert _troubles(page) == []
    page.locator(".fb-empty").first.wait_for()


@pytest.mark.parametrize("path", PAGES)
def test_a_warehouse_that_is_not_built_names_the_mend(path: str, open_page: Any) -> None:
    page = open_page(path, server="unbuilt")
    assert any("not built yet" in text and "billing run" in text for text in _troubles(page))
    assert page.locator("[data-testid=stException]").count() == 0


def test_marts_that_are_older_than_the_pages_name_the_mend(world: World, open_page: Any) -> None:
    """A release brought a new column, and nobody has built since; nobody has searched so before."""
    rename = "alter table marts.fct_reconciliation rename column {} to {}"
    world.execute(rename.format("list_amount", "of_another_release"))
    try:
        troubles = _troubles(open_page(f"reconciliation{APRIL}&search=older"))
    finally:
        world.execute(rename.format("of_another_release", "list_amount"))
    assert any("another version" in text and "billing run" in text for text in troubles)


def test_the_month_s_figures_are_those_of_sql(world: Any, open_page: Any) -> None:
    page = open_page(f"month{APRIL}")
    (sums,), (stake,) = world.query(KPI_SQL), world.query(STAKE_SQL)
    for label, amount in {**sums, **stake}.items():
        assert _kpi(page, label) == f.money(amount, "CAD"), label
    assert _kpi(page, "Match rate") == "33.3%"
    assert _kpi(page, "Delta") == "$9.98 CAD"


def test_from_the_table_to_the_line_s_story_by_keyboard(
    open_page: Any, wait_until_settled: Any
) -> None:
    page = open_page(f"reconciliation{APRIL}&status=explained")
    row = page.get_by_role("row", name="Northern Freight")
    row.get_by_role("link", name="2026-04-01").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/reconciliation?of=*")
    wait_until_settled(page)
    assert _kpi(page, "Delta") == "$0.83 CAD"
    assert "the app prorates by the second" in page.locator("table.fb-table").first.inner_text()
    page.get_by_role("link", name="base fee (6 of 30 days)").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/reconciliation?line=*")
    wait_until_settled(page)
    story = page.locator("[data-story]").inner_text()
    assert "6 of 30, by the day" in story
    assert "$10.00 CAD" in story
    assert "{" not in story
    _screenshot(page, "line-story")


def test_an_exported_table_adds_up_and_its_numbers_are_numbers(world: Any, open_page: Any) -> None:
    page = open_page(f"reconciliation{APRIL}")
    expected = world.query(KPI_SQL)[0]["Expected"]
    text = _download(page, "CSV").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["expected_amount"]) for row in rows) == expected
    sheet = _sheet(_download(page, "XLSX"))
    column = [cell.value for cell in next(sheet.iter_rows())].index("expected_amount")
    cells = [row[column] for row in sheet.iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} == {"n"}
    assert sum(Decimal(str(cell.value)) for cell in cells) == expected


def test_nobody_signed_in_may_read_and_not_decide(open_page: Any) -> None:
    page = open_page("approvals", server="empty")
    assert "Not signed in" in page.locator("[data-testid=stSidebar]").inner_text()
    assert page.get_by_role("button", name="Approve").count() == 0


def _download(page: Page, label: str) -> Path:
    with page.expect_download(timeout=20_000) as download:
        page.get_by_role("button", name=label).first.click()
    return Path(download.value.path())


def _sheet(path: Path) -> Any:
    from openpyxl import load_workbook

    return load_workbook(io.BytesIO(path.read_bytes())).active


def _screenshot(page: Page, name: str) -> None:
    """Only on demand, and never a large one."""
    if os.environ.get("PAGES_SCREENSHOTS") != "1":
        return
    page.wait_for_timeout(1500)  # charts move into their place
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size < LARGEST_SCREENSHOT
