"""What a spreadsheet is given has all digits, of the publishing report and of every page."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from dashboards.exports import as_xlsx
from publishers import exports, spreadsheets
from publishers.report import PublishReport, ReportDocument, ReportLine
from publishers.taxes import Totals

SHORT, LONG = Decimal("1234567.891234"), Decimal("123456789012345.678901")
MAY = (datetime(2026, 5, 1, 4, tzinfo=UTC), datetime(2026, 6, 1, 4, tzinfo=UTC))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *(("1234567.891234", "n"), ("123456789.123456", "n"), ("-0.000001", "n"), ("0", "n")),
        *(("1234567890.123456", "s"), ("-123456789012345.6", "s")),
    ],
)  # fmt: skip
def test_a_number_is_text_where_a_spreadsheet_would_round_it(value: str, kind: str) -> None:
    assert spreadsheets.number_type(Decimal(value)) == kind


def _cells(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = [name for name in book.namelist() if re.search("sheet|sharedStrings", name)]
        return "".join(book.read(name).decode() for name in names if name.endswith(".xml"))


def test_a_page_s_file_has_every_digit() -> None:
    written = _cells(as_xlsx([{"a": SHORT, "b": LONG}], ["a", "b"], "figures"))
    assert f"<v>{SHORT}</v>" in written
    assert str(LONG) in written


def test_a_report_s_file_has_every_digit_and_short_amounts_can_be_summed(tmp_path: Path) -> None:
    line = ReportLine("key", "usage", quantity=LONG, unit_price=SHORT, amount=SHORT, tax_ids=(1,))
    document = ReportDocument(
        key="d", state="planned", service="nexacloud", partner_id=1, partner="Ontario Ltd",
        period_start=MAY[0], period_end=MAY[1], currency="CAD", move_type="out_invoice",
        totals=Totals(untaxed=SHORT, tax=Decimal("0.01")), lines=(line,),
    )  # fmt: skip
    report = PublishReport(dry_run=True, run_id="run", documents=[document])
    path = exports.export(report, tmp_path / "report.xlsx")
    written = _cells(path.read_bytes())
    assert written.count(f"<v>{SHORT}</v>") == 3  # net, unit price and amount
    assert str(LONG) in written
    lines = openpyxl.load_workbook(path)["lines"]
    assert lines["D2"].value == str(LONG)
    assert (lines["F2"].data_type, lines["F2"].value) == ("n", float(SHORT))
