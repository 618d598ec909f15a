"""Which billing interval has a period that a case only gives by its ends.

In: the ends of a period, and the part of it that was held. Out: a period rule and an interval of
ours that make exactly this period.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from case_keys import CaseError

FIXED = "FIX"
MONTHS = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}


@dataclass(frozen=True)
class Span:
    """A period and what was held of it, half-open instants."""

    start: datetime
    end: datetime
    held_from: datetime
    held_until: datetime


def local_midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def zone_of_midnight(at: datetime, zone: str) -> str:
    """The zone itself where `at` is a midnight of it, else a fixed zone where it is."""
    if at.astimezone(ZoneInfo(zone)).time() == time():
        return zone
    # As POSIX writes it, so many hours west of Greenwich: midnight of FIX5:30 is 05:30 UTC.
    return f"{FIXED}{at.astimezone(UTC):%H:%M:%S}"


def zone_info(zone: str) -> tzinfo:
    """A zone by its name, or a fixed one of `zone_of_midnight`."""
    if not zone.startswith(FIXED):
        return ZoneInfo(zone)
    hours, minutes, seconds = map(int, zone.removeprefix(FIXED).split(":"))
    return timezone(-timedelta(hours=hours, minutes=minutes, seconds=seconds))


def interval_of(span: Span, zone: str) -> tuple[str, str]:
    """Period rule and interval: of the calendar where it fits, else counted from the start."""
    local_start, local_end = (at.astimezone(zone_info(zone)) for at in (span.start, span.end))
    if local_start.time() != local_end.time():
        raise CaseError(f"no interval is as long as {span.start} to {span.end} in {zone}")
    start, end = local_start.date(), local_end.date()
    for name, months in MONTHS.items():
        if start.day == 1 and (start.month - 1) % months == 0 and end == add_months(start, months):
            return "calendar", name
    if end - start == timedelta(days=7) and start.weekday() == 0:
        return "calendar", "week"
    if end - start == timedelta(days=1):
        return "calendar", "day"
    for name, months in MONTHS.items():
        if end == add_months(start, months):
            return "anniversary", name
    return "anniversary", f"{(end - start).days} days"


def add_months(day: date, months: int) -> date:
    """The same day some months later, clamped to the month's end."""
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))
