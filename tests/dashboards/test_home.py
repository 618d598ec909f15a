"""The first page: what waits, what holds lines back, and the way to where it is fixed."""

from __future__ import annotations

import time
from contextlib import closing
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from pages_world import APPROVERS, World

from dashboards import formats as f
from dashboards.queries import home as queries
from dashboards.views import home

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
# Said otherwise than the page says it: out of the obstacles of the build and what was decided.
STANDING = """
    select currency, count(*) as line_count, sum(amount) as amount
    from serving.fct_invoice_line_status
    where {state} and is_billable and amount <> 0
    group by currency
    order by currency
"""
HELD = (
    "not is_published and not is_approvable and blocked_reason not like '%%the app already%%'"
    " and blocked_reason not like '%%issues only from%%'"
)
STATES = ("claimed", "sent", "confirmed", "quarantined", "released")
FINDINGS = (
    None, "posted", "credited", "posted_by_bot", "edited", "cancelled", "deleted",
    "released_document_is_back",
)  # fmt: skip
DOCUMENT = """
    insert into ops.publications (
        document_key, external_id, service, partner_id, billing_period_start, billing_period_end,
        currency, move_type, document_number, state, finding, payload, payload_hash,
        expected_untaxed_amount, expected_tax_amount, expected_total_amount, rounding_method,
        invoice_date, invoice_date_due
    )
    values (%s, %s, 'nexacloud', 1, now(), now(), 'CAD', 'out_invoice', %s, %s, %s, '{}', '',
        1, 0, 1, 'round_globally', current_date, current_date)
"""
# So long an answer may be kept.
PATIENCE_SECONDS = 40


def _kpi(page: Page, label: str) -> str:
    return page.locator(f'[data-kpi="{label}"] .value').inner_text()


def _table(page: Page, title: str) -> list[list[str]]:
    """The cells of a table, read at one moment; none where it says that there are none."""
    name = f'[aria-label="{title}"]'
    page.locator(f"{name}, .fb-empty").first.wait_for(state="attached", timeout=20_000)
    read = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    cells: list[list[str]] = page.locator(f"{name} tbody tr").evaluate_all(read)
    return cells


def _held(page: Page, settled: Any, reason: str) -> dict[str, list[str]]:
    """The reasons that hold lines, once this one is among them: an answer is kept for a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        rows = {cells[0]: cells for cells in _table(page, "Lines held back by reason")}
        if reason in rows:
            return rows
        page.reload()
        settled(page)
    raise AssertionError(f"{reason} did not come: {rows}")


@pytest.mark.parametrize(
    ("label", "state"),
    [
        ("Wait for approval", "is_approvable and not is_approved"),
        ("Approved, not published", "is_approvable and is_approved and not is_published"),
        ("Held back", HELD),
    ],
)
def test_what_waits_is_counted_and_summed_by_currency(
    label: str, state: str, world: World, open_page: Any
) -> None:
    found = world.query(STANDING.format(state=state), "unused")
    page = open_page("")
    assert _kpi(page, label) == f.counted(sum(row["line_count"] for row in found), "line")
    said = page.locator(f'[data-kpi="{label}"] .note').all_inner_texts()
    money = " + ".join(f.money(row["amount"], row["currency"]) for row in found)
    assert "".join(said) == money


def test_what_waits_on_the_first_page_is_what_approvals_shows(
    open_page: Any, wait_until_settled: Any
) -> None:
    page = open_page("", groups=APPROVERS)
    waiting = _kpi(page, "Wait for approval")
    assert waiting != "0 lines"
    page.locator('[data-kpi="Wait for approval"] a').click()
    page.wait_for_url("**/approvals")
    wait_until_settled(page)
    assert f.counted(int(_kpi(page, "Lines")), "line") == waiting


def test_each_reason_that_holds_a_line_leads_to_where_it_is_fixed(
    world: World, open_page: Any, wait_until_settled: Any
) -> None:
    """A gate that closes again holds lines; its row leads to the page that opens it."""
    (line,) = world.query(
        "select service, external_subscription_id, amount from serving.fct_invoice_line_status"
        " where is_approvable and amount > 0 order by amount desc limit 1"
    )
    decide = (
        "insert into ops.cutover_gates (service, external_subscription_id, decision,"
        " from_period_start, decided_by, note) select service, external_subscription_id, %s,"
        " from_period_start, decided_by, 'tried' from ops.cutover_gates"
        " where service = %s and external_subscription_id = %s order by gate_id desc limit 1"
    )
    key = (line["service"], line["external_subscription_id"])
    world.execute(decide, "close", *key)
    try:
        page = open_page("")
        rows = _held(page, wait_until_settled, "The gate of the subscription is closed")
        assert "Another reason, which its line tells" not in rows
        count, amount = rows["The gate of the subscription is closed"][1:]
        assert int(count) >= 1
        assert Decimal(amount.strip("$").replace(",", "")) >= line["amount"]
        page.get_by_role("link", name="The gate of the subscription is closed").click()
        page.wait_for_url("**/cutover")
        wait_until_settled(page)
        assert page.locator("h1").inner_text() == "Cutover"
    finally:
        world.execute(decide, "open", *key)


def test_every_reason_of_the_status_has_words_and_a_place() -> None:
    assert set(home.FIXED_AT) == {*queries.REASONS, "other"}


def test_exceptions_by_kind_are_the_open_ones_and_lead_to_their_list(
    world: World, open_page: Any, wait_until_settled: Any
) -> None:
    found = world.query(
        "select kind, count(*) as open_count from serving.fct_billing_exceptions where is_open"
        " group by kind order by kind"
    )
    page = open_page("")
    shown = {cells[0]: int(cells[2]) for cells in _table(page, "Exceptions by kind")}
    assert shown == {f.words(row["kind"]): row["open_count"] for row in found}
    kind = found[0]["kind"]
    page.get_by_role("link", name=f.words(kind)).click()
    page.wait_for_url(f"**/exceptions?kind={kind}")
    wait_until_settled(page)
    cards = page.locator("[class*=st-key-exception-]")
    assert cards.count() >= min(found[0]["open_count"], 1)


def test_the_alarms_are_those_of_the_ledger_s_own_view(world: World) -> None:
    """Each state with each finding, written for the test and taken back."""
    with closing(psycopg2.connect(world.cluster.dsn(world.name))) as conn, conn.cursor() as cursor:
        cursor.execute(
            "set session_replication_role = replica"
        )  # the ledger's guards are not asked
        for number, (state, finding) in enumerate(product(STATES, FINDINGS)):
            key = f"tried-{number}"
            cursor.execute(DOCUMENT, (key, key, number, state, finding))
        cursor.execute("select document_key from ops.publication_findings where is_alarm")
        of_view = {key for (key,) in cursor.fetchall()}
        cursor.execute(queries.ALARMS)
        of_page = {row[0] for row in cursor.fetchall()}
        conn.rollback()
    assert len(of_view) > len(STATES)
    assert of_page == of_view


def test_a_chosen_month_and_currency_travel_from_page_to_page(
    open_page: Any, wait_until_settled: Any
) -> None:
    """By the navigation, whose addresses carry nothing; and past a page that has no month."""
    page = open_page("revenue?month=2026-04&currency=CAD")
    for name, path in (("Invoices", "invoices"), ("Exceptions", "exceptions"), ("Month", "month")):
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_url(f"**/{path}*")
        wait_until_settled(page)
    assert "month=2026-04" in page.url
    assert "currency=CAD" in page.url
    assert page.get_by_role("combobox", name="Month").input_value() == "April 2026"


def test_a_figure_of_the_month_leads_to_the_page_that_has_its_rows(
    open_page: Any, wait_until_settled: Any
) -> None:
    page = open_page("")
    figure = page.locator('[aria-label="This month beside last month"] tbody tr').first
    earned = figure.locator("td").nth(1).inner_text()
    figure.locator("a").first.click()
    page.wait_for_url("**/revenue?month=*")
    wait_until_settled(page)
    assert _kpi(page, "Earned") == f"{earned} CAD"
