"""Law 5: one rating for all time on one plan within a period, breaks included.

In: pieces of held time, and which interval each plan had when. Out: segments with the share of the
full period that they pay for, and where an instant of usage belongs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from company.holding import Piece, is_held
from company.periods import Pace, Period, Term, day_start, local_day
from company.story import Policy

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Segment:
    """All time on one plan (in trial or not) within one period of one stream of periods."""

    calendar: Calendar
    kind: str  # all, base, usage: a yearly plan pays its fee and its usage by other periods
    period: Period
    plan: str
    is_trial: bool
    start: datetime
    share: Fraction


class Calendar:
    """The days of one subscription under one policy: who owns them, how they fall into periods."""

    def __init__(self, held: list[Piece], policy: Policy) -> None:
        self.held = held
        self.policy = policy

    def owner(self, instant: datetime, period: Period) -> Piece | None:
        """Whose an instant of usage is: held at that instant, by the day's plan."""
        if not is_held(self.held, instant):
            return None
        if self.policy.proration != "second":
            return self._day_owner(local_day(instant, self.policy.timezone), period)
        return next(piece for piece in self.held if piece.start <= instant < piece.end)

    def _day_owner(self, day: date, period: Period) -> Piece | None:
        """A local day belongs to the last piece that touches it within the period."""
        zone = self.policy.timezone
        start = max(day_start(day, zone), period.start)
        end = min(day_start(day + timedelta(days=1), zone), period.end)
        touching = [piece for piece in self.held if piece.start < end and piece.end > start]
        return touching[-1] if touching else None

    def switched(self, at: datetime) -> datetime:
        """A switch day is the new pace's, unless what was held of it ended before the switch."""
        if self.policy.proration == "second":
            return at
        day = local_day(at, self.policy.timezone)
        start, end = (day_start(day + timedelta(days=n), self.policy.timezone) for n in (0, 1))
        touching = [piece for piece in self.held if piece.start < end and piece.end > start]
        return end if touching and touching[-1].end <= at else start

    def segments(self, kind: str, pace: Pace, term: Term, until: datetime) -> Iterator[Segment]:
        """What is held of each period of a term, in one stream of periods."""
        rule, zone = self.policy.period_rule, self.policy.timezone
        for period in term.periods(pace, rule, zone, until):
            yield from self._within(kind, period)

    def _within(self, kind: str, period: Period) -> Iterator[Segment]:
        measured = self._seconds if self.policy.proration == "second" else self._days
        groups: dict[tuple[str, bool], tuple[datetime, int | Fraction]] = {}
        for piece, start, size in measured(period):
            key = piece.plan, piece.is_trial
            first, so_far = groups.get(key, (start, 0))
            groups[key] = min(first, start), so_far + size
        whole = self._whole(period, sum(size for _, size in groups.values()))
        for (plan, is_trial), (start, size) in groups.items():
            yield Segment(self, kind, period, plan, is_trial, start, Fraction(size) / whole)

    def _whole(self, period: Period, held: int | Fraction) -> Fraction:
        if self.policy.proration == "second":
            return _seconds(period.full_start, period.full_end)
        return Fraction(held if self.policy.proration == "none" else period.full_days)

    def _seconds(self, period: Period) -> Iterator[tuple[Piece, datetime, Fraction]]:
        for piece in self.held:
            start, end = max(piece.start, period.start), min(piece.end, period.end)
            if start < end:
                yield piece, start, _seconds(start, end)

    def _days(self, period: Period) -> Iterator[tuple[Piece, datetime, int]]:
        zone = self.policy.timezone
        day, last = local_day(period.start, zone), local_day(period.end - INSTANT, zone)
        while day <= last:
            owner = self._day_owner(day, period)
            if owner is not None:
                yield owner, self._first_instant(owner, day), 1
            day += timedelta(days=1)

    def _first_instant(self, owner: Piece, day: date) -> datetime:
        """A day that others touched before is the owner's from its start."""
        start = day_start(day, self.policy.timezone)
        if owner.start <= start:
            return start
        return start if self._touched_before(owner, start) else self._first_touch(owner, day)

    def _touched_before(self, owner: Piece, start: datetime) -> bool:
        return any(piece.start < start < piece.end for piece in self.held if piece != owner)

    def _first_touch(self, owner: Piece, day: date) -> datetime:
        zone = self.policy.timezone
        of_day = [piece.start for piece in self.held if local_day(piece.start, zone) == day]
        return min([owner.start, *of_day])


def _seconds(start: datetime, end: datetime) -> Fraction:
    span = end - start
    return Fraction(span.days * 86400 + span.seconds) + Fraction(span.microseconds, 10**6)
