"""A page's table as CSV and XLSX, on the company's clock.

In: rows and the columns of a table. Out: bytes of a file, as publishers.spreadsheets writes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.formats import PAGE_ZONE
from publishers import spreadsheets
from publishers.spreadsheets import Rows

XLSX = spreadsheets.XLSX
CSV = spreadsheets.CSV


def as_csv(rows: Rows, columns: Sequence[str]) -> bytes:
    """The table as a CSV file."""
    return spreadsheets.as_csv(rows, columns, PAGE_ZONE)


def as_xlsx(rows: Rows, columns: Sequence[str], title: str) -> bytes:
    """The table as a workbook of one sheet."""
    return spreadsheets.as_xlsx({title: (columns, rows)}, PAGE_ZONE)
