"""The CSV files of the seeds, read as dbt reads them and stricter.

Flows in: a path and the columns of its table. Flows out: rows with their line numbers, and what is
wrong with the file itself: its encoding, its separator, its header, cells too many or too few.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# What dbt takes for an empty cell.
EMPTY = ("", "null")
WRONG_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class SeedProblem:
    """One thing wrong with a seed: where it stands, what it says, what to write instead."""

    file: str
    line: int
    column: str
    value: str | None
    what: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}"
        said = "" if self.value is None else f' "{self.value}"'
        return (
            f"{where}, {self.column}{said}: {self.what}" if self.column else f"{where}: {self.what}"
        )


@dataclass(frozen=True)
class SeedRow:
    """One row of a file: the number of its first line, and its cells; an empty one is None."""

    file: str
    line: int
    cells: Mapping[str, str | None]

    def __getitem__(self, column: str) -> str | None:
        return self.cells.get(column)

    def problem(self, column: str, what: str) -> SeedProblem:
        """What is wrong with the cell of this column."""
        return SeedProblem(self.file, self.line, column, self.cells.get(column) or "", what)


@dataclass(frozen=True)
class SeedFile:
    """The rows of a file; none where the file itself is wrong, which `problems` says."""

    header: tuple[str, ...]
    rows: tuple[SeedRow, ...]
    problems: tuple[SeedProblem, ...]


def read(path: Path, known: frozenset[str], required: frozenset[str]) -> SeedFile:
    """Read a CSV file. A byte order mark and any line end are right; only commas separate."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return _broken(path, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return _broken(path, "is not UTF-8: save it as CSV UTF-8")
    if "\0" in text:
        return _broken(path, "holds NUL characters: save it as CSV UTF-8")
    try:
        records = list(_records(text))
    except csv.Error as error:
        return _broken(path, f"is no CSV ({error}): look for a quote that is not closed")
    if not records:
        return _broken(path, f"is empty: its first line names {', '.join(sorted(required))}")
    header = tuple(records[0][1])
    if problem := _wrong_header(path.name, header, known, required):
        return SeedFile(header, (), (problem,))
    return _rows(path.name, header, records[1:])


def _broken(path: Path, what: str) -> SeedFile:
    return SeedFile((), (), (SeedProblem(path.name, 1, "", None, what),))


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line that it begins on; blank lines are none."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _wrong_header(
    file: str, header: tuple[str, ...], known: frozenset[str], required: frozenset[str]
) -> SeedProblem | None:
    line = ",".join(header)
    for mark, name in WRONG_SEPARATORS.items():
        if len(header) == 1 and mark in line:
            what = f"its columns are separated by {name}: save with commas"
            return SeedProblem(file, 1, "", None, what)
    unknown = [name for name in header if name not in known]
    if unknown:
        listed = ", ".join(sorted(known))
        return SeedProblem(
            file, 1, unknown[0], None, f"there is no such column; there are {listed}"
        )
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        return SeedProblem(file, 1, twice[0], None, "this column stands there twice: keep one")
    missing = sorted(required - set(header))
    if missing:
        return SeedProblem(
            file, 1, missing[0], None, "this column is missing: add it to the header"
        )
    return None


def _rows(file: str, header: tuple[str, ...], records: list[tuple[int, list[str]]]) -> SeedFile:
    rows, problems = [], []
    for line, cells in records:
        if len(cells) != len(header):
            what = f"it has {len(cells)} cells, the header names {len(header)} columns"
            problems.append(SeedProblem(file, line, "", None, f"{what}: one comma a column"))
            continue
        named = zip(header, cells, strict=True)
        values = {name: None if cell.lower() in EMPTY else cell for name, cell in named}
        rows.append(SeedRow(file, line, values))
    return SeedFile(header, tuple(rows), tuple(problems))
