"""Law 2: half-open periods by local days, calendar or from an anchor; no gap, no overlap.

In: an interval's name, an anchor day, a zone. Out: boundaries as instants.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MONTHS = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
DAYS = {"day": 1, "week": 7}
CALENDAR_DAY, CALENDAR_MONDAY = date(2000, 1, 1), date(2000, 1, 3)


@dataclass(frozen=True)
class Pace:
    """How long a period is: in months or in days. A yearly plan meters by the month."""

    months: int
    days: int

    @property
    def is_yearly(self) -> bool:
        return self.months > 0 and self.months % 12 == 0


MONTHLY = Pace(1, 0)


@dataclass(frozen=True)
class Period:
    """[start, end) of what a term holds of a full period, and the full period's days."""

    start: datetime
    end: datetime
    full_start: datetime
    full_end: datetime
    full_days: int


def pace_of(interval: str | None) -> Pace | None:
    """None where nobody has listed the interval."""
    if interval in MONTHS:
        return Pace(MONTHS[interval], 0)
    return Pace(0, DAYS[interval]) if interval in DAYS else None


def local_day(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


@cache
def day_start(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def boundary(anchor: date, pace: Pace, number: int) -> date:
    """The n-th boundary from the anchor, clamped to its month's end, never from the one before."""
    if pace.days:
        return anchor + timedelta(days=pace.days * number)
    months = anchor.month - 1 + pace.months * number
    year, month = anchor.year + months // 12, months % 12 + 1
    return date(year, month, min(anchor.day, calendar.monthrange(year, month)[1]))


def _first_number(anchor: date, pace: Pace, day: date) -> int:
    """A boundary at or before the day, not far from it."""
    if pace.days:
        return (day - anchor).days // pace.days - 1
    return ((day.year - anchor.year) * 12 + day.month - anchor.month) // pace.months - 1


@dataclass(frozen=True)
class Term:
    """A stretch of one pace. The first begins with its whole period, a later one at its switch."""

    start: datetime
    end: datetime
    pace: Pace
    anchor: date
    is_first: bool

    def periods(self, pace: Pace, rule: str, zone: str, until: datetime) -> Iterator[Period]:
        """The periods of this term that began by `until`."""
        number = _first_number(self._anchor(pace, rule), pace, local_day(self.start, zone))
        while True:
            starts_on = boundary(self._anchor(pace, rule), pace, number)
            ends_on = boundary(self._anchor(pace, rule), pace, number + 1)
            start, end = day_start(starts_on, zone), day_start(ends_on, zone)
            number += 1
            if start > until or start >= self.end:
                return
            if end > self.start:
                yield Period(
                    start if self.is_first else max(start, self.start),
                    min(end, self.end),
                    start,
                    end,
                    (ends_on - starts_on).days,
                )

    def first_start(self, pace: Pace, rule: str, zone: str, day: date) -> datetime:
        """When the first period begins that does so on a day or later."""
        anchor = self._anchor(pace, rule)
        number = _first_number(anchor, pace, day)
        while boundary(anchor, pace, number) < day:
            number += 1
        return day_start(boundary(anchor, pace, number), zone)

    def _anchor(self, pace: Pace, rule: str) -> date:
        if rule == "anniversary":
            return self.anchor
        return CALENDAR_MONDAY if pace.days else CALENDAR_DAY
