"""A month end from loading to signing off, as docs/finance.md tells it, in one world."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pypdf
import pytest
from month_end_house import ALEX, DANA, House, credit_key, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(2400)]
APRIL, MAY = "2026-04", "2026-05"
# What the six owe for May, net of tax, worked out by hand from the sample's usage and prices.
MAY_NET = Decimal("820.29")
CREDITED = Decimal("10.00")


@pytest.fixture
def house(browser: Browser, wait_until_settled: Any) -> Iterator[House]:
    with opened(browser, wait_until_settled) as world:
        yield world


def test_a_month_end_in_twelve_steps(house: House, tmp_path: Path, wait_until_settled: Any) -> None:
    _load(house)
    _reconcile_and_explain(house, wait_until_settled)
    _accept_and_open(house, wait_until_settled)
    _approve_with_four_eyes(house, wait_until_settled)
    _publish(house)
    _post_and_credit(house)
    _read_back(house)
    _export(house, tmp_path)
    _sign_off(house)


def _load(house: House) -> None:
    house("run")
    with house.looking(f"month?month={APRIL}") as page:
        assert "Loaded 2" in page.locator("[data-testid=stSidebar]").inner_text()


def _reconcile_and_explain(house: House, settled: Any) -> None:
    answer = house.json("reconcile", "--period", APRIL)
    assert answer["summary"]["by_status"] == {"explained": 4, "match": 2}
    assert {row["unexplained_amount"] for row in answer["rows"]} == {"0.00"}
    with house.looking(f"reconciliation?month={APRIL}&status=explained") as page:
        freight = page.get_by_role("row", name="Northern Freight")
        freight.get_by_role("link", name="2026-04-01").first.click()
        page.wait_for_url("**/reconciliation?of=*")
        settled(page)
        assert "the app prorates by the second" in page.locator("table.fb-table").first.inner_text()


def _accept_and_open(house: House, settled: Any) -> None:
    """One on the page, the others by command; nobody may open what is not accepted."""
    rows = house.json("reconcile", "--period", APRIL)["rows"]
    one = next(r for r in rows if (r["customer_name"], r["status"]) == _FREIGHT)
    with house.looking(f"cutover?of={one['service']}:{one['external_subscription_id']}") as page:
        page.get_by_label("Why they are accepted").fill("the app's own proration")
        page.get_by_role("button", name="Accept 1 causes").click()
        page.get_by_role("button", name="Open the gate from").wait_for(timeout=30_000)
        settled(page)
    said = house.run(
        "readiness", "--accept", "explained", "--period", APRIL, "--by", DANA, "--why", "agreed"
    )
    assert "3 causes accepted by Dana Roy" in said.stderr
    opening = ("readiness", "--open", "ready", "--from", MAY, "--by", DANA, "--why", "April agrees")
    house(*opening)
    ready = [row for row in house.json("readiness")["rows"] if row["is_ready"]]
    assert len(ready) > 6
    assert all(row["is_gate_open"] for row in ready)


_FREIGHT = ("Northern Freight", "explained")


def _approve_with_four_eyes(house: House, settled: Any) -> None:
    policy = ("policy", "--set", "two-people", "--four-eyes", "200", "--by", DANA)
    house(*policy, "--why", "auditors")
    with house.looking("approvals") as page:
        page.get_by_role("button", name="Decide about all 9 lines").click()
        page.get_by_role("button", name="Approve all lines on this page").click()
        page.get_by_text("9 lines approved").wait_for(timeout=30_000)
    lines = house.json("lines", "--period", MAY)
    large = [each for each in lines if abs(Decimal(each["amount"])) >= 200]
    assert [each for each in lines if not each["approved"]] == large != []
    with house.looking("approvals", ALEX) as page:
        assert "1 of 2 people" in page.locator("body").inner_text()
        for left in range(len(large), 0, -1):
            button = page.get_by_role("button", name="Approve the document")
            assert button.count() == left
            button.first.click()
            page.get_by_text("1 line approved").wait_for(timeout=30_000)
            settled(page)
    assert all(each["approved"] for each in house.json("lines", "--period", MAY))


def _publish(house: House) -> None:
    assert len(house.json("publish", "--period", MAY)["documents"]) == 6
    assert house.json("publish", "--period", MAY, "--go")["created"] == 6
    said = house.refused("close-month", MAY, "--go", "--by", DANA)
    assert "drafts that are not posted in Odoo: 6 of 912.34 CAD" in said
    assert "periods that nobody invoiced as of the build: 6 of 820.29 CAD" in said


def _post_and_credit(house: House) -> None:
    """The credit note of an invoice is published once that one is posted, and posted itself."""
    assert house.post_drafts() == 6
    line = next(e for e in house.json("lines", "--period", MAY) if e["amount"] == "120.00")
    why = ("--by", DANA, "--why", "an outage on the 12th")
    key = credit_key(house("credit", line["line_key"], "--amount", str(CREDITED), *why))
    assert "credits that are asked for" in house.refused("close-month", MAY)
    house("approve", key, "--by", ALEX, "--why", "the status page says so")
    assert house.json("publish", "--go")["created"] == 1
    assert house.post_drafts() == 1


def _read_back(house: House) -> None:
    answer = house.json("publish", "--go")
    assert (answer["created"], answer["unchanged"], answer["alarms"]) == (0, 7, [])
    house("run")
    accept = ("readiness", "--accept", "explained", "--period", MAY, "--by", DANA)
    assert "1 causes accepted" in house.run(*accept, "--why", "the outage").stderr
    (sides,) = house.json("close-month", MAY)["sheet"]["sides"]
    assert Decimal(sides["billed_amount"]) == MAY_NET - CREDITED
    assert Decimal(sides["unexplained_amount"]) == 0


def _export(house: House, folder: Path) -> None:
    """The page's file, the workbook and the PDF say the same to the cent."""
    files = folder / "may.xlsx", folder / "may.pdf"
    house("report", MAY, "--xlsx", str(files[0]), "--pdf", str(files[1]))
    with house.looking(f"month-end?month={MAY}") as page:
        assert "Not closed" in page.locator("body").inner_text()
        with page.expect_download(timeout=30_000) as download:
            page.get_by_role("button", name="XLSX").first.click()
        shown = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes())).active
        table = page.locator("table.fb-table").first.inner_text()
    for sheet in (shown, openpyxl.load_workbook(files[0])["Three sides"]):
        names, row = sheet.iter_rows(values_only=True)
        billed = Decimal(str(row[names.index("billed_amount")]))
        assert billed == MAY_NET - CREDITED
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(files[1]).pages)
    assert f"{MAY_NET - CREDITED:,f}" in text.splitlines()
    assert f"${MAY_NET - CREDITED:,f}" in table


def _sign_off(house: House) -> None:
    kept = house.json("close-month", MAY, "--go", "--by", DANA)
    build = kept["closed"]["build"]["id"]
    assert kept["closed"]["waited"] == []
    assert house.json("close-month", MAY)["differences"] == []
    with house.looking(f"month-end?month={MAY}") as page:
        house.says(page, "Closed by Dana Roy on")
        assert re.search(rf"build {build} as of 2026-06-03", _closed(page))
        assert page.get_by_text("Since it was closed").count() == 0
        line = next(e for e in house.json("lines", "--period", MAY) if e["amount"] == "200.00")
        house("credit", line["line_key"], "--amount", "0.01", "--by", ALEX, "--why", "later")
        house.says(page, "Since it was closed")
        later = page.locator("table.fb-table").first.inner_text()
        assert re.search(r"Decisions\s+Alex Kim, asked for credit, CAD\s+Net\s+CAD", later)
    assert "asked for credit" in house.refused("close-month", MAY)
    house("audit")


def _closed(page: Page) -> str:
    return page.locator("[data-closed]").inner_text()
