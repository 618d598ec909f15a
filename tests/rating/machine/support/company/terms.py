"""Laws 5 and 6: which pace and which policy counts when.

In: from when which interval counts, and the calendars of a subscription under each policy. Out:
segments. A changed policy counts from the first period of its own rule that begins on its day or
later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from company.periods import MONTHLY, Pace, Term, day_start, local_day
from company.segments import Calendar, Segment
from company.versions import FOREVER

Change = tuple[datetime, Pace | None]


def segments(
    calendars: Sequence[Calendar], changes: Sequence[Change], started: datetime, until: datetime
) -> Iterator[Segment]:
    """`started` is the anchor: when the first stint began, held or suspended."""
    for term in _terms(calendars, changes, started):
        streams = [("base", term.pace), ("usage", MONTHLY)]
        for kind, pace in streams if term.pace.is_yearly else [("all", term.pace)]:
            for calendar, governed in _governed(calendars, term, pace):
                yield from calendar.segments(kind, pace, governed, until)


def _terms(calendars: Sequence[Calendar], changes: Sequence[Change], first: datetime) -> list[Term]:
    """Stretches of one pace; a switch begins its own periods."""
    last = max(one.held[-1].end for one in calendars if one.held)
    starts: list[tuple[datetime, Pace | None]] = []
    for at, pace in changes:
        if first < at >= last:
            continue
        start = max(first, _in_force(calendars, at).switched(at)) if at > first else first
        while starts and starts[-1][0] >= start:
            starts.pop()
        if not starts or starts[-1][1] != pace:
            starts.append((start, pace))
    ends = [start for start, _ in starts[1:]] + [FOREVER]
    first_known = next((start for start, pace in starts if pace is not None), None)
    return [
        Term(start, end, pace, _day(calendars, start), start == first_known)
        for (start, pace), end in zip(starts, ends, strict=True)
        if pace is not None
    ]


def _day(calendars: Sequence[Calendar], start: datetime) -> date:
    return local_day(start, _in_force(calendars, start).policy.timezone)


def _in_force(calendars: Sequence[Calendar], at: datetime) -> Calendar:
    """The calendar of the policy whose day has come."""
    found = calendars[0]
    for calendar in calendars[1:]:
        if _since(calendar) <= at:
            found = calendar
    return found


def _since(calendar: Calendar) -> datetime:
    assert calendar.policy.valid_from is not None, "the first policy alone counts always"
    return day_start(calendar.policy.valid_from, calendar.policy.timezone)


def _governed(
    calendars: Sequence[Calendar], term: Term, pace: Pace
) -> Iterator[tuple[Calendar, Term]]:
    """The stretch of a term that each policy governs."""
    starts = [_policy_start(calendar, term, pace) for calendar in calendars]
    for number, calendar in enumerate(calendars):
        start, end = starts[number], min([term.end, *starts[number + 1 :]])
        if start < end:
            is_first = term.is_first and start == term.start
            yield calendar, replace(term, start=start, end=end, is_first=is_first)


def _policy_start(calendar: Calendar, term: Term, pace: Pace) -> datetime:
    policy = calendar.policy
    if policy.valid_from is None:
        return term.start
    if not term.is_first and _since(calendar) <= term.start:
        return term.start
    own = term.first_start(pace, policy.period_rule, policy.timezone, policy.valid_from)
    return max(own, term.start)
