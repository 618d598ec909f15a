"""A page's table as CSV and XLSX, on the company's clock.

In: rows and the columns of a table; they become a DataFrame (dashboards.frames), as every table
does that leaves. Out: bytes of a file, as publishers.spreadsheets writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboards import frames
from dashboards.formats import PAGE_ZONE
from publishers import spreadsheets
from publishers.spreadsheets import Rows

XLSX = spreadsheets.XLSX
CSV = spreadsheets.CSV


def as_csv(rows: Rows, columns: Sequence[str]) -> bytes:
    """The table as a CSV file."""
    return spreadsheets.as_csv(_exact(rows, columns), columns, PAGE_ZONE)


def as_xlsx(rows: Rows, columns: Sequence[str], title: str) -> bytes:
    """The table as a workbook of one sheet."""
    return spreadsheets.as_xlsx({title: (columns, _exact(rows, columns))}, PAGE_ZONE)


def _exact(rows: Rows, columns: Sequence[str]) -> list[dict[str, Any]]:
    return list(frames.records(frames.frame(list(rows), columns)))
