"""What stops a load; each error names the thing and how to fix it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loaders.contracts import Column, Table


class LoadError(Exception):
    """Base of what stops a load. The raw tables are as they were before it.

    `is_retryable`: the same load may go well in a minute.
    """

    is_retryable = False


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong at a source. `expected` and `found` are for people."""

    source: str
    table: str
    column: str
    expected: str
    found: str
    fix: str

    def __str__(self) -> str:
        where = ".".join(part for part in (self.source, self.table, self.column) if part)
        return f"{where}: expected {self.expected}, found {self.found}: {self.fix}"


class PreflightError(LoadError):
    """A source is not as tables.py says. Nothing was loaded, from any table."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "nothing was loaded:\n" + "\n".join(f"  - {problem}" for problem in self.problems)
        )


class ServerLost(LoadError):
    """A PostgreSQL server, or the way to it, went away in the middle."""

    is_retryable = True


class QueryFailed(LoadError):
    """PostgreSQL refused a statement: a right that went away, a timeout, a full disk."""

    # Serialization and deadlock, resources, locks, an operator's intervention.
    PASSING = ("40", "53", "55", "57")

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.is_retryable = (sqlstate or "")[:2] in self.PASSING


class OpsMissing(LoadError):
    """The warehouse has no ops schema yet."""


class LoadInProgress(LoadError):
    """Another load of the same source holds the lock."""

    is_retryable = True


class ShrinkRefused(LoadError):
    """A table lost more of its rows than the guard allows."""


class CopyMismatch(LoadError):
    """What arrived is not what was sent, or not what the source holds in the same snapshot."""

    is_retryable = True


class RawTableDiffers(LoadError):
    """A raw column has another type than tables.py says."""

    def __init__(self, table: Table, column: Column, found: str) -> None:
        super().__init__(
            f"{table.schema}.{table.name}.{column.name} is {found}, tables.py says"
            f" {column.raw_type}: migrate the raw"
            f" column by hand, or drop {table.schema}.{table.name} and run `billing load --full`"
        )
