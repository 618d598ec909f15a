"""Any table as CSV and XLSX, numbers as numbers.

In: rows with Decimal, dates and aware times; they become a DataFrame (dashboards.frames), as every
table does that leaves. Out: bytes of a file. Money keeps its digits: a Decimal is written as its
own decimal text, never through a float.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from dashboards import frames
from dashboards.formats import PAGE_ZONE
from publishers.exports import number_type

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
# A spreadsheet would run text that begins so; an apostrophe makes it text again.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """A CSV file in UTF-8 with a byte order mark, which Excel wants to see."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_csv_cell(row[name]) for name in columns] for row in _rows(rows, columns))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], title: str) -> bytes:
    """A workbook of one sheet; amounts, counts and dates are cells that can be summed."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_name(title))
    sheet.freeze_panes = "A2"
    sheet.append([_header(sheet, name) for name in columns])
    for row in _rows(rows, columns):
        sheet.append([_xlsx_cell(sheet, row[name]) for name in columns])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    return frames.records(frames.frame(list(rows), columns))


def _csv_cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple):
        return _safe(", ".join(map(str, value)))
    if isinstance(value, datetime):
        return value.astimezone(PAGE_ZONE).isoformat()
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


def _xlsx_cell(sheet: WriteOnlyWorksheet, value: Any) -> Cell:
    if isinstance(value, datetime):  # a sheet knows no time zone: the company's clock
        return _cell(sheet, value.astimezone(PAGE_ZONE).replace(tzinfo=None), "yyyy-mm-dd hh:mm")
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
