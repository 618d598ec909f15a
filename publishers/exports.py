"""A publishing run as a file that finance can open: CSV, XLSX or JSON.

In: a PublishReport. Out: one row a line (CSV), two sheets (XLSX), or the machine answer (JSON).
"""

import json
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from publishers.report import PublishReport, ReportDocument, ReportLine
from publishers.spreadsheets import as_csv, as_xlsx

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
UTC = ZoneInfo("UTC")


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
    rows = [
        {**_document(document), **_line(line)}
        for document in report.documents
        for line in document.lines
    ]
    path.write_bytes(as_csv(rows, (*DOCUMENT_COLUMNS, *LINE_COLUMNS), UTC))


def _write_xlsx(report: PublishReport, path: Path) -> None:
    documents = [_document(document) for document in report.documents]
    lines = [
        {"document": document.key, **_line(line)}
        for document in report.documents
        for line in document.lines
    ]
    sheets = {
        "documents": (DOCUMENT_COLUMNS, documents),
        "lines": (("document", *LINE_COLUMNS), lines),
    }
    path.write_bytes(as_xlsx(sheets, UTC))


def _document(document: ReportDocument) -> dict[str, Cell]:
    totals = document.totals
    cells = (
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
    )
    return dict(zip(DOCUMENT_COLUMNS, cells, strict=True))


def _line(line: ReportLine) -> dict[str, Cell]:
    taxes = " ".join(str(tax_id) for tax_id in line.tax_ids)
    cells = (line.line_key, line.description, line.quantity, line.unit_price, line.amount, taxes)
    return dict(zip(LINE_COLUMNS, cells, strict=True))
