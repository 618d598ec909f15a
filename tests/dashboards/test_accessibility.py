"""axe-core, out of its package and without a network, finds no serious fault on any page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages_world import APPROVERS, PAGES, World

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
GRAVE = ("serious", "critical")
# Streamlit's own navigation puts its sections as <div> between <ul> and <li>, and no setting of it
# does otherwise. A reader still hears every link by its name.
STREAMLITS_OWN = ("list", "listitem")
NAVIGATION = {"exclude": [["[data-testid=stSidebarNav]"]]}
APRIL = "?month=2026-04"


def grave_faults(page: Page) -> list[str]:
    """What is serious or critical, with its place; all but two rules look at the navigation too."""
    axe = Axe()
    looks = (
        axe.run(page, options={"rules": {rule: {"enabled": False} for rule in STREAMLITS_OWN}}),
        axe.run(page, context=NAVIGATION, options={"runOnly": list(STREAMLITS_OWN)}),
    )
    return [
        f"{fault['id']}: {node['html'][:200]}"
        for look in looks
        for fault in look.response["violations"]
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_serious_fault(path: str, open_page: Any) -> None:
    page = open_page(f"{path}{APRIL}", groups=APPROVERS)
    assert grave_faults(page) == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(500)  # the theme follows
    assert grave_faults(page) == []


def test_neither_have_the_pages_behind_them(
    world: World, open_page: Any, wait_until_settled: Any
) -> None:
    (row,) = world.query(
        "select service, external_customer_id, subscription_id, period_start, line_keys[1] as line"
        " from marts.fct_reconciliation where status = 'explained' and line_keys <> '{}'"
        " order by subscription_id limit 1"
    )
    customer = f"{row['service']}:{row['external_customer_id']}"
    start = row["period_start"].isoformat().replace("+", "%2B")
    for path in (
        f"customers?customer={customer}",
        f"reconciliation?of={row['subscription_id']}&from={start}",
        f"reconciliation?line={row['line']}",
        f"cutover?of={row['subscription_id']}",
        "search?word=ma",
    ):
        page = open_page(path, groups=APPROVERS)
        for tab in page.get_by_role("tab").all() or [None]:
            if tab is not None:
                tab.click()
                wait_until_settled(page)
            assert grave_faults(page) == [], path


def test_a_fault_would_be_found(open_page: Any) -> None:
    page = open_page("")
    page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<img src=\"\">')")
    assert any(fault.startswith("image-alt") for fault in grave_faults(page))
