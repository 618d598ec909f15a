"""How answers look: exact JSON for machines, tables for people.

Flows in: rows as dictionaries. Flows out: JSON on stdout (amounts are strings with the currency's
decimals, times ISO 8601), or rich tables. Logs and progress never touch stdout.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from shutil import get_terminal_size
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from connections.currencies import rounded

STATUS_STYLES = {
    "match": "green", "explained": "cyan", "unexplained": "bold red", "missing_actual": "yellow",
    "missing_expected": "yellow", "not_comparable": "yellow", "yes": "green", "no": "red",
    "double_issuer": "bold red",
}  # fmt: skip

NO_LIMIT = 10_000
LEAST_SENTENCE = 16
# What is piped has no width of its own; rich would take 80 columns, too few for most tables.
PIPED_WIDTH = 160


def _console(*, to_stderr: bool = False) -> Console:
    made = Console(stderr=to_stderr)
    if not made.is_terminal:
        made.width = get_terminal_size((PIPED_WIDTH, 25)).columns
    return made


stdout = _console()
stderr = _console(to_stderr=True)


def money(amount: Decimal | None, currency: str) -> str | None:
    """The amount with its currency's decimals, half away from zero; None stays None."""
    if amount is None:
        return None
    return format(rounded(amount, currency), "f")


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
) -> Listing:
    """A listing of the named columns; amounts and counts to the right, statuses in colour."""
    shown = [[_cell(row.get(column)) for column in columns] for row in rows]
    return Listing(title, [column.replace("_", " ") for column in columns], shown, caption)


@dataclass(frozen=True)
class Listing:
    """Rows as a table where the width allows it, else one after the other, as psql's \\x does.

    Numbers, times and keys are never broken over lines; sentences are, between words.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.rows:
            yield Text.assemble((self.title, "bold"), ": none", f"\n{self.caption}".rstrip())
            return
        made = self._table()
        needed = Measurement.get(console, options.update(max_width=NO_LIMIT), made).minimum
        if needed <= options.max_width:
            yield made
        else:
            yield from self._records()

    def _table(self) -> Table:
        made = Table(
            title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
            caption=self.caption, caption_justify="left", pad_edge=False, collapse_padding=True,
        )  # fmt: skip
        for position, column in enumerate(self.columns):
            cells = [line[position] for line in self.rows if line[position]]
            right = bool(cells) and all(map(_is_number, cells))
            sentence = any(" " in cell and not _is_time(cell) for cell in cells)
            made.add_column(
                _heading(column, cells), justify="right" if right else "left", overflow="fold",
                min_width=_least(cells, sentence), no_wrap=not sentence,
            )  # fmt: skip
        for line in self.rows:
            made.add_row(*(_styled(cell) for cell in line))
        return made

    def _records(self) -> Iterator[RenderableType]:
        yield Text(self.title, style="bold")
        for heading, *rest in self.rows:
            said = zip(self.columns[1:], rest, strict=True)
            yield Text(heading, overflow="fold")
            facts = " · ".join(f"[dim]{column}[/] {_styled(cell)}" for column, cell in said if cell)
            yield Padding(Text.from_markup(facts, overflow="fold"), (0, 0, 0, 2))
        yield Text(self.caption, style="dim italic")


def _heading(column: str, cells: Sequence[str]) -> str:
    """The column's name, on several lines where its cells are narrower than it."""
    widest = max((len(cell) for cell in cells), default=0)
    return column if len(column) <= widest else column.replace(" ", "\n")


def _least(cells: Sequence[str], sentence: bool) -> int:
    """The narrowest a column may get: whole cells, or a readable share of a sentence."""
    longest = max((len(line) for cell in cells for line in cell.splitlines()), default=0)
    return min(longest, LEAST_SENTENCE) if sentence else longest


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


def _is_time(cell: str) -> bool:
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", cell))


def _as_json(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a machine's answer")
