"""Law 6: which facts counted when, from what each load saw of a row.

In: what the loads of some instants found. Out: versions. A version is dated by the load that saw it
first, unless the source's own time moved on and lies after the version before; the first one
reaches back to the beginning; a deletion is dated by the load that missed the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from company.story import Row

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
FOREVER = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass
class Version:
    """What a row said from an instant on; `dated` is the first version's own time, else that."""

    valid_from: datetime
    valid_until: datetime
    dated: datetime
    seen_at: datetime
    values: Row
    is_deleted: bool = False


class History:
    """The versions of one row. `see` is called once a load, with None where the row is gone."""

    def __init__(self) -> None:
        self.versions: list[Version] = []
        self._source_time: datetime | None = None

    def see(self, row: Row | None, at: datetime) -> None:
        if row is None:
            if self.versions and not self.versions[-1].is_deleted:
                self._add(at, at, self.versions[-1].values, is_deleted=True)
            return
        moved = row["updated_at"]
        facts = {name: value for name, value in row.items() if name != "updated_at"}
        if not self.versions:
            known = moved or row["created_at"]
            dated = known if known <= at else at
            self.versions.append(Version(BEGINNING, FOREVER, dated, at, facts))
        elif self.versions[-1].values != facts or self.versions[-1].is_deleted:
            self._add(moved if self._is_news(moved, at) else at, at, facts)
        self._source_time = moved or self._source_time

    def _is_news(self, moved: datetime | None, at: datetime) -> bool:
        """Whether the source's time dates a change: it moved, past what was there before."""
        if moved is None or moved > at or moved <= self.versions[-1].dated:
            return False
        return self._source_time is None or moved > self._source_time

    def _add(self, dated: datetime, at: datetime, facts: Row, *, is_deleted: bool = False) -> None:
        self.versions[-1].valid_until = dated
        self.versions.append(Version(dated, FOREVER, dated, at, facts, is_deleted))

    def at(self, instant: datetime) -> Version:
        """The version in force; a deleted row keeps saying what it said last."""
        return next(version for version in reversed(self.versions) if version.valid_from <= instant)

    @property
    def newest(self) -> Version:
        return self.versions[-1]
