"""How answers look: exact JSON for machines, tables for people.

Flows in: rows as dictionaries. Flows out: JSON on stdout (amounts are strings with the currency's
decimals, times ISO 8601), or rich tables. Logs and progress never touch stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

# ISO 4217's exceptions to two decimals that a customer of ours could pay in.
DECIMALS = {
    "JPY": 0,
    "KRW": 0,
    "CLP": 0,
    "VND": 0,
    "ISK": 0,
    "BHD": 3,
    "KWD": 3,
    "TND": 3,
    "JOD": 3,
}
STATUS_STYLES = {
    "match": "green", "explained": "cyan", "unexplained": "bold red", "missing_actual": "yellow",
    "missing_expected": "yellow", "not_comparable": "yellow", "yes": "green", "no": "red",
}  # fmt: skip

stdout = Console()
stderr = Console(stderr=True)


def money(amount: Decimal | None, currency: str) -> str | None:
    """The amount with its currency's decimals, half away from zero; None stays None."""
    if amount is None:
        return None
    step = Decimal(1).scaleb(-DECIMALS.get(currency, 2))
    return format(amount.quantize(step, ROUND_HALF_UP), "f")


def plain(number: Decimal | None) -> str | None:
    """A quantity or an exact amount, all its digits, never in exponent notation."""
    return None if number is None else format(number, "f")


def short(number: str | None) -> str | None:
    """An exact number for the eye: without the zeros that say nothing."""
    return number.rstrip("0").rstrip(".") if number and "." in number else number


def escape(text: str) -> str:
    """Text with no markup in it."""
    return text.replace("[", r"\[")


def print_json(answer: object) -> None:
    """Print one JSON document, and nothing else, on stdout."""
    sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False, default=_as_json) + "\n")
    sys.stdout.flush()


def table(
    title: str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str], caption: str = ""
) -> Table:
    """A table of the named columns; amounts and counts to the right, statuses in colour."""
    shown = [[_cell(row.get(column)) for column in columns] for row in rows]
    made = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for position, column in enumerate(columns):
        right = all(_is_number(line[position]) for line in shown if line[position])
        made.add_column(
            column.replace("_", " "), justify="right" if right else "left", overflow="fold"
        )
    for line in shown:
        made.add_row(*(_styled(cell) for cell in line))
    return made


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return plain(value) or "" if isinstance(value, Decimal) else str(value)


def _styled(cell: str) -> str:
    style = STATUS_STYLES.get(cell)
    escaped = escape(cell)
    return f"[{style}]{escaped}[/{style}]" if style else escaped


def _is_number(cell: str) -> bool:
    return cell.lstrip("-").replace(".", "", 1).isdigit()


def _as_json(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a machine's answer")
