"""Any table as CSV and XLSX, numbers as numbers: of a page and of a publishing run.

In: rows with Decimal, dates and aware times, and the clock to write those on. Out: bytes of a file.
Money keeps its digits: a Decimal is written as its own decimal text, never through a float.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
# A spreadsheet would run text that begins so; an apostrophe makes it text again.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# So many digits a spreadsheet keeps of a number.
SPREADSHEET_DIGITS = 15

Rows = Iterable[Mapping[str, Any]]


def as_csv(rows: Rows, columns: Sequence[str], zone: ZoneInfo) -> bytes:
    """A CSV file in UTF-8 with a byte order mark, which Excel wants to see."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_csv_cell(row.get(name), zone) for name in columns] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(sheets: Mapping[str, tuple[Sequence[str], Rows]], zone: ZoneInfo) -> bytes:
    """A workbook: for each title its columns and rows; what is a number can be summed."""
    book = Workbook(write_only=True)
    for title, (columns, rows) in sheets.items():
        sheet = book.create_sheet(_sheet_name(title))
        sheet.freeze_panes = "A2"
        sheet.append([_header(sheet, name) for name in columns])
        for row in rows:
            sheet.append([_xlsx_cell(sheet, row.get(name), zone) for name in columns])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def number_type(value: Decimal) -> str:
    """Whether a spreadsheet holds the number (`n`), or only its digits as text do (`s`).

    Either way the file has all digits: openpyxl alone would write 16 of them, through a float.
    """
    digits = format(value.normalize(), "f").lstrip("-0.").replace(".", "")
    return "n" if len(digits) <= SPREADSHEET_DIGITS else "s"


def _csv_cell(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple):
        return _safe(", ".join(map(str, value)))
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    if value is None or isinstance(value, int | date):
        return "" if value is None else str(value)
    return _safe(str(value))


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _header(sheet: WriteOnlyWorksheet, name: str) -> Cell:
    cell = _cell(sheet, name)
    cell.font = Font(bold=True)
    return cell


def _cell(sheet: WriteOnlyWorksheet, value: Any, number_format: str = "General") -> Cell:
    cell: Cell = WriteOnlyCell(sheet, value=value)
    cell.number_format = number_format
    return cell


def _xlsx_cell(sheet: WriteOnlyWorksheet, value: Any, zone: ZoneInfo) -> Cell:
    if isinstance(value, datetime):  # a sheet knows no time zone
        return _cell(sheet, value.astimezone(zone).replace(tzinfo=None), "yyyy-mm-dd hh:mm")
    if isinstance(value, Decimal):
        cell = _cell(sheet, format(value, "f"), _number_format(value))
        cell.data_type = number_type(value)
        return cell
    if isinstance(value, date):
        return _cell(sheet, value, "yyyy-mm-dd")
    if value is None or isinstance(value, bool | int):
        return _cell(sheet, value)
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    cell = _cell(sheet, text)
    cell.data_type = "s"  # text that begins with = stays text
    return cell


def _number_format(value: Decimal) -> str:
    exponent = value.as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    return "#,##0." + "0" * places


def _sheet_name(title: str) -> str:
    """What a sheet may be called: 31 characters, none of []:*?/\\."""
    kept = "".join(" " if letter in "[]:*?/\\" else letter for letter in title)
    return kept[:31] or "Sheet"
