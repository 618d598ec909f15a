"""A story is data: what happens to which row of the source, when, and what is published at night.

A failing story can be printed, read, and played again with events left out: an event about a row
that is not there does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

Row = dict[str, Any]
TABLES = ("users", "plans", "subscriptions", "usage_records")
# How the source dates a change: now, not at all, before the version it changes, or with nothing.
STAMPS = ("moved", "still", "back", "null")


@dataclass(frozen=True)
class Event:
    """Something that happens to one row. `stamp` is one of STAMPS or the instant it claims."""

    at: datetime
    label: str
    table: str
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    operation: str = "change"  # create, change, delete, restore
    stamp: str | datetime = "moved"

    def __str__(self) -> str:
        told = ", ".join(f"{name}={_short(value)}" for name, value in self.values.items())
        how = "" if self.stamp == "moved" else f" [updated_at {_short(self.stamp)}]"
        return f"{_short(self.at)}  {self.label:<22} {self.key:<5} {told}{how}"


@dataclass(frozen=True)
class Decision:
    """What a person does at a night: publishes a share of what may be billed, or takes back."""

    share: float = 1.0
    releases: bool = False

    def __str__(self) -> str:
        told = f"publishes {self.share:.0%} of what may be billed" if self.share else "waits"
        return told + (", releases the newest document" if self.releases else "")


@dataclass(frozen=True)
class Policy:
    """A row of services.csv that a batch of companies lives under; from a day on, or always."""

    valid_from: date | None = None
    timezone: str = "America/Toronto"
    period_rule: str = "calendar"
    proration: str = "day"
    bill_suspended: bool = True
    duplicate_policy: str = "first"


@dataclass(frozen=True)
class Story:
    """One company: its events in order, a decision a night, its pages of the price book."""

    seed: int
    policies: tuple[Policy, ...]
    events: tuple[Event, ...]
    decisions: tuple[Decision, ...]
    charges: tuple[Row, ...] = ()
    tiers: tuple[Row, ...] = ()
    number: int | None = None  # in its warehouse, where that is not the seed

    @property
    def place(self) -> int:
        return self.seed if self.number is None else self.number

    @property
    def prefix(self) -> str:
        return f"c{self.place}-"

    def told(self, nights: list[datetime]) -> str:
        lines = [f"company {self.seed}", *map(str, self.policies)]
        lines += [f"price book: {dict(row)}" for row in (*self.charges, *self.tiers)]
        happenings = [(event.at, 0, str(event)) for event in self.events]
        happenings += [
            (night, 1, f"{_short(night)}  --- night: {decision}")
            for night, decision in zip(nights, self.decisions, strict=False)
        ]
        return "\n".join([*lines, *(line for *_, line in sorted(happenings))])


def _short(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")
    return str(value)
