"""The month-end sheet as XLSX and PDF: its figures are those of the marts, to the cent."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import openpyxl
import pypdf
import pytest
from rating_world import World
from recon_world import Ledger

from connections.currencies import rounded
from publishers import month_end, sheet_files
from publishers.month_end import PARTS, Sheet

APRIL = date(2026, 4, 1)
ZONE = ZoneInfo("America/Toronto")
FACTS = {"Month": "2026-04"}
# Asked of the lowest marts, not of those that the sheet adds up.
RIGHT = """
    select sum(r.expected_amount) as expected_amount, sum(r.actual_amount) as actual_amount,
        sum(r.delta_amount) as delta_amount, sum(r.unexplained_amount) as unexplained_amount,
        sum(c.amount) as explained_amount
    from marts.fct_reconciliation as r
    left join marts.fct_reconciliation_causes as c
        using (service, external_subscription_id, period_start)
    where r.period_start = '2026-04-01 04:00+00'
"""


@pytest.fixture
def found(decisions: Ledger) -> Sheet:
    return month_end.sheet(decisions.connection, "marts", APRIL)


def _pdf_text(content: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return "\n".join(page.extract_text() for page in pages)


def _column(book: Any, title: str, name: str) -> list[Any]:
    rows = list(book[title].iter_rows(values_only=True))
    return [row[rows[0].index(name)] for row in rows[1:]]


def test_a_workbook_says_what_the_marts_say(decisions: Ledger, found: Sheet) -> None:
    book = openpyxl.load_workbook(io.BytesIO(sheet_files.workbook(FACTS, found, ZONE)))
    assert book.sheetnames == ["Month", *(part.title for part in PARTS)]
    for name, amount in decisions.one(RIGHT).items():
        [written] = _column(book, "Three sides", name)
        assert Decimal(str(written)) == amount, name
    for part in PARTS:
        for column in part.figures:
            written = [Decimal(str(v or 0)) for v in _column(book, part.title, column.name)]
            assert written == [Decimal(row[column.name] or 0) for row in found[part.name]]


def test_a_pdf_says_what_the_marts_say_in_the_decimals_of_the_currency(
    decisions: Ledger, found: Sheet
) -> None:
    text = _pdf_text(sheet_files.pdf("Month-end 2026-04", FACTS, found, ZONE))
    right = decisions.one(RIGHT)
    [sides] = re.findall(r"nexacloud\n([\d.,-]+)\n([\d.,-]+)\n0.00\n([\d.,-]+)\n", text)[:1]
    names = ("expected_amount", "actual_amount", "delta_amount")
    assert [Decimal(amount.replace(",", "")) for amount in sides] == [
        rounded(right[name], "CAD") for name in names
    ]
    lines = text.splitlines()
    for part in PARTS:
        for row in found[part.name]:
            for column in part.figures:
                if column.kind == "money" and row[column.name] is not None:
                    assert f"{rounded(row[column.name], row['currency']):,f}" in lines
    assert "Month-end 2026-04, page 1" in text


def test_the_same_month_gives_the_same_pdf(found: Sheet) -> None:
    made = [sheet_files.pdf("Month-end 2026-04", FACTS, found, ZONE) for _ in range(2)]
    assert made[0] == made[1]


def test_a_text_is_never_run_nor_read_as_markup(found: Sheet) -> None:
    name = '=HYPERLINK("x") <b>&'
    decision = dict.fromkeys([column.name for column in PARTS[4].columns])
    forged = {**found, "decisions": [{**decision, "decided_by": name, "currency": None}]}
    book = openpyxl.load_workbook(io.BytesIO(sheet_files.workbook(FACTS, forged, ZONE)))
    [cell] = [row[0] for row in book["Decisions"].iter_rows(min_row=2)]
    assert (cell.value, cell.data_type) == (name, "s")
    text = _pdf_text(sheet_files.pdf("Month-end", {"Closed": name}, forged, ZONE))
    assert text.count(name) == 2


def test_a_run_of_the_asset_puts_both_files_into_the_folder(
    sample: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_HOME", str(tmp_path))
    monkeypatch.setenv("REPORT_FOLDER", str(tmp_path / "reports"))
    from orchestration.assets.reports import month_end_sheet
    from orchestration.resources import Warehouse

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [month_end_sheet],
            instance=instance,
            partition_key="2026-04",
            resources={"billing_warehouse": Warehouse(warehouse_dsn=sample.dsn)},
        )
    assert result.success
    names = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert names == ["month-end-2026-04.pdf", "month-end-2026-04.xlsx"]
