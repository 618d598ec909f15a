"""The source's tables as the events leave them: what a load of any instant finds.

In: a story. Out: rows by table and key; a deleted row is absent.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from company.story import TABLES, Event, Row, Story

Tables = dict[str, dict[str, Row]]


class Source:
    """Plays a story forward; `tables` is what stands there now."""

    def __init__(self, story: Story) -> None:
        self._coming = sorted(story.events, key=lambda event: event.at)
        self._deleted: Tables = {table: {} for table in TABLES}
        self.tables: Tables = {table: {} for table in TABLES}

    def advance(self, until: datetime) -> Tables:
        """Let everything happen up to an instant; returns a copy of what stands there then."""
        while self._coming and self._coming[0].at <= until:
            self._apply(self._coming.pop(0))
        return deepcopy(self.tables)

    def _apply(self, event: Event) -> None:
        standing = self.tables[event.table]
        gone = self._deleted[event.table]
        if event.operation == "create":
            standing[event.key] = {"id": event.key, "created_at": event.at, **event.values}
            if event.table != "usage_records":
                standing[event.key].setdefault("updated_at", event.at)
        elif event.operation == "delete" and event.key in standing:
            gone[event.key] = standing.pop(event.key)
        elif event.operation == "restore" and event.key in gone:
            standing[event.key] = {**gone.pop(event.key), **event.values, **_stamped({}, event)}
        elif event.operation == "change" and event.key in standing:
            row = standing[event.key]
            row.update({**event.values, **_stamped(row, event)})


def _stamped(row: Row, event: Event) -> dict[str, Any]:
    """What the change makes of updated_at."""
    if event.table == "usage_records" or event.stamp == "still":
        return {}
    if isinstance(event.stamp, datetime):
        return {"updated_at": event.stamp}
    if event.stamp == "null":
        return {"updated_at": None}
    if event.stamp == "back":
        before = row.get("updated_at") or event.at
        return {"updated_at": before - timedelta(days=20)}
    return {"updated_at": event.at}
