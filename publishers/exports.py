"""A publishing run as a file that finance can open: CSV, XLSX or JSON.

In: a PublishReport. Out: one row a line (CSV), two sheets (XLSX), or the machine answer (JSON).
"""

import csv
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from publishers.report import PublishReport, ReportDocument, ReportLine

Cell = str | int | Decimal | None
DOCUMENT_COLUMNS = (
    "document",
    "state",
    "odoo_id",
    "type",
    "service",
    "customer",
    "period_start",
    "period_end",
    "currency",
    "untaxed_amount",
    "tax_amount",
    "total_amount",
    "reason",
)
LINE_COLUMNS = ("line_key", "description", "quantity", "unit_price", "amount", "tax_ids")
# So many digits a spreadsheet keeps of a number.
SPREADSHEET_DIGITS = 15
# A spreadsheet would run a cell that begins so; descriptions hold names that customers chose.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export(report: PublishReport, path: Path) -> Path:
    """Write the report to `path`; its suffix (.csv, .xlsx, .json) says how."""
    writers = {".csv": _write_csv, ".xlsx": _write_xlsx, ".json": _write_json}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise ValueError(f"cannot export to {path.name}: end the name in .csv, .xlsx or .json")
    path.parent.mkdir(parents=True, exist_ok=True)
    writer(report, path)
    return path


def _write_json(report: PublishReport, path: Path) -> None:
    path.write_text(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")


def _write_csv(report: PublishReport, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow([*DOCUMENT_COLUMNS, *LINE_COLUMNS])
        for document in report.documents:
            for line in document.lines:
                cells = [*_document_cells(document), *_line_cells(line)]
                writer.writerow([_harmless(cell) for cell in cells])


def _harmless(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return "'" + cell
    return format(cell, "f") if isinstance(cell, Decimal) else cell


def _write_xlsx(report: PublishReport, path: Path) -> None:
    book = Workbook()
    documents = book.create_sheet("documents", 0)
    lines = book.create_sheet("lines", 1)
    book.remove(book["Sheet"])
    _sheet(documents, DOCUMENT_COLUMNS, [_document_cells(d) for d in report.documents])
    _sheet(
        lines,
        (*DOCUMENT_COLUMNS[:1], *LINE_COLUMNS),
        [[d.key, *_line_cells(line)] for d in report.documents for line in d.lines],
    )
    book.save(path)


def _sheet(sheet: Worksheet, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    for row_number, row in enumerate([list(columns), *rows], start=1):
        for column_number, value in enumerate(row, start=1):
            cell = sheet.cell(row_number, column_number)
            cell.value = format(value, "f") if isinstance(value, Decimal) else value
            if isinstance(value, Decimal):
                cell.data_type = number_type(value)
            elif isinstance(value, str):
                cell.data_type = "s"
    sheet.freeze_panes = "A2"


def number_type(value: Decimal) -> str:
    """Whether a spreadsheet holds the number (`n`), or only its digits as text do (`s`).

    Either way the file has all digits: openpyxl alone would write 16 of them, through a float.
    """
    digits = format(value.normalize(), "f").lstrip("-0.").replace(".", "")
    return "n" if len(digits) <= SPREADSHEET_DIGITS else "s"


def _document_cells(document: ReportDocument) -> list[Cell]:
    totals = document.totals
    return [
        document.key,
        document.state,
        document.odoo_id,
        document.move_type,
        document.service,
        document.partner,
        document.period_start.isoformat(),
        document.period_end.isoformat(),
        document.currency,
        totals.untaxed if totals else None,
        totals.tax if totals else None,
        totals.total if totals else None,
        document.reason,
    ]


def _line_cells(line: ReportLine) -> list[Cell]:
    taxes = " ".join(str(tax_id) for tax_id in line.tax_ids)
    return [line.line_key, line.description, line.quantity, line.unit_price, line.amount, taxes]
