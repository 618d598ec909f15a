"""The month-end sheet as files that leave: XLSX to reckon with, PDF to read and to keep.

In: the sheet of a month and what stands above it. Out: bytes. Numbers are those of the marts: a
spreadsheet has them with all their digits, a PDF with the decimals of their currency; the same
sheet gives the same bytes of PDF.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from connections.currencies import rounded
from publishers.month_end import PARTS, Part, Row, Sheet, Titled
from publishers.spreadsheets import as_xlsx

Facts = Mapping[str, str]
NUMERIC = ("money", "quantity")
GREY = "#e8e8e8"
ROOM = 100  # points


def workbook(facts: Facts, found: Sheet, zone: ZoneInfo) -> bytes:
    """A sheet of facts, then one a part, with the names that the marts give the columns."""
    told = [{"fact": name, "value": value} for name, value in facts.items()]
    parts = {part.title: (_names(part), found[part.name]) for part in PARTS}
    return as_xlsx({"Month": (("fact", "value"), told), **parts}, zone)


def pdf(title: str, facts: Facts, found: Sheet, zone: ZoneInfo) -> bytes:
    """Pages of letter paper, a table a part. A letter that the font lacks is a black square."""
    # Slow to import, and nobody but a report needs it.
    from reportlab.lib.pagesizes import landscape, letter
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import CondPageBreak, Paragraph, SimpleDocTemplate, Spacer

    styles = getSampleStyleSheet()
    said = [Paragraph(escape(title), styles["Title"])]
    said += [Paragraph(f"{escape(k)}: {escape(v)}", styles["Normal"]) for k, v in facts.items()]
    for part in PARTS:
        said += [
            CondPageBreak(ROOM),  # no heading stands alone at the foot of a page
            Paragraph(escape(part.title), styles["Heading2"]),
            Paragraph(escape(part.says), styles["Normal"]),
            Spacer(1, 4),
            _table(part, found[part.name], zone)
            or Paragraph(f"<i>{escape(part.nothing)}</i>", styles["Normal"]),
        ]
    file = BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), 36)
    document = SimpleDocTemplate(
        file, pagesize=landscape(letter), title=title, author="Fusion Billing", invariant=1,
        **margins,
    )  # fmt: skip
    document.build(said, onFirstPage=_number, onLaterPages=_number)
    return file.getvalue()


def _names(part: Part) -> list[str]:
    """Every column of the part that people see or that tells its rows apart."""
    currency = ["currency"] if part.has_currency else []
    return list(dict.fromkeys([*part.keys, *(each.name for each in part.columns), *currency]))


def _table(part: Part, rows: Sequence[Row], zone: ZoneInfo) -> Any:
    from reportlab.platypus import Table

    if not rows:
        return None
    columns = [*part.columns, *([Titled("currency", "Currency")] if part.has_currency else [])]
    cells = [[_text(column, row, zone) for column in columns] for row in rows]
    numeric = [n for n, column in enumerate(columns) if column.kind in NUMERIC]
    return Table(
        [[column.label for column in columns], *cells],
        repeatRows=1,
        hAlign="LEFT",
        style=[
            ("FONT", (0, 0), (-1, -1), "Helvetica", 7),
            ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 7),
            ("BACKGROUND", (0, 0), (-1, 0), GREY),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, GREY),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            *[("ALIGN", (n, 0), (n, -1), "RIGHT") for n in numeric],
        ],
    )


def _text(column: Titled, row: Row, zone: ZoneInfo) -> str:
    value = row.get(column.name)
    if value is None:
        return ""
    if column.kind == "money":
        return f"{rounded(value, row.get('currency')):,f}"
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    return str(value).replace("_", " ") if column.kind in ("status", "words") else str(value)


def _number(canvas: Any, document: Any) -> None:
    """The title and the page's number at the foot."""
    canvas.setFont("Helvetica", 7)
    canvas.drawString(36, 20, f"{document.title}, page {canvas.getPageNumber()}")
