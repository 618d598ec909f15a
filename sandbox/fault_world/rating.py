"""A second rating, in Decimal and apart from the models: what is due, and what an app would bill.

Flows in: a subscription, its usage and a month. Flows out: the lines of that month, either by our
laws (`How()`) or with something done otherwise. Amounts are in the currency's units, rounded once
at the line; times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Literal

from sandbox.rows import ZONE, local

CENT = Decimal("0.01")
UNIT = Decimal("0.000001")
ZERO = Decimal(0)
_INSTANT = timedelta(microseconds=1)

Policy = Literal["day", "second", "none"]
Quota = Literal["prorated", "zero", "unprorated"]
Metered = Literal["all", "in time", "none"]


@dataclass(frozen=True)
class Month:
    """A calendar month of the billing zone, half-open."""

    year: int
    month: int

    @cached_property
    def start(self) -> datetime:
        """The month's first instant."""
        return local(self.year, self.month, 1)

    @cached_property
    def end(self) -> datetime:
        """The next month's first instant."""
        return self.next.start

    @cached_property
    def next(self) -> Month:
        """The month after."""
        return self.plus(1)

    def plus(self, months: int) -> Month:
        """The month so many months later (or earlier)."""
        index = self.year * 12 + self.month - 1 + months
        return Month(index // 12, index % 12 + 1)

    @cached_property
    def days(self) -> int:
        """Its number of local days."""
        return local_days(self.start, self.end)


def local_days(start: datetime, end: datetime) -> int:
    """Count the local dates that [start, end) touches."""
    if end <= start:
        return 0
    first = start.astimezone(ZONE).date()
    last = (end - _INSTANT).astimezone(ZONE).date()
    return (last - first).days + 1


@dataclass(frozen=True)
class AppTerms:
    """The prices of a plan, as one of its versions has them."""

    code: str
    price: Decimal
    included: Decimal
    overage: Decimal


@dataclass(frozen=True)
class AppPlan:
    """A plan with all its versions, oldest first, each with the instant from which it counts."""

    id: str
    versions: tuple[tuple[datetime, AppTerms], ...]

    @property
    def code(self) -> str:
        """The plan's code, which no version changes."""
        return self.versions[0][1].code

    def at(self, instant: datetime) -> AppTerms:
        """The terms in force; the first version reaches back to the beginning."""
        terms = self.versions[0][1]
        for since, version in self.versions[1:]:
            if since <= instant:
                terms = version
        return terms

    def others(self, terms: AppTerms) -> list[AppTerms]:
        """The versions that are not these terms."""
        return [version for _, version in self.versions if version != terms]


@dataclass
class Use:
    """One usage record; a repeat has the idempotency key of an earlier one and does not count."""

    at: datetime
    quantity: Decimal
    written_at: datetime
    deployment: int
    is_repeat: bool = False


@dataclass
class Subscription:
    """A subscription as time has made it: who, held when, on which plans, with what usage."""

    number: int
    id: str
    user: int
    started_at: datetime
    cancelled_at: datetime | None
    plans: list[tuple[datetime, AppPlan]]  # each with the instant from which it is held
    deployments: int = 1
    uses: list[Use] = field(default_factory=list)

    def held(self, month: Month) -> tuple[datetime, datetime]:
        """The part of a month in which it is held; empty where end <= start."""
        end = min(self.cancelled_at or month.end, month.end)
        return max(self.started_at, month.start), end

    def is_held(self, month: Month) -> bool:
        """Say whether any of a month is held."""
        start, end = self.held(month)
        return end > start

    def used(self, start: datetime, end: datetime) -> list[Use]:
        """The usage of [start, end), repeats included."""
        return [use for use in self.uses if start <= use.at < end]


@dataclass(frozen=True)
class Segment:
    """A stretch of a month on one plan's terms; `days` are those that it is charged for."""

    terms: AppTerms
    start: datetime
    end: datetime
    days: int


@dataclass(frozen=True)
class Key:
    """A subscription in a month: what a reconciliation compares."""

    subscription: Subscription
    month: Month

    @cached_property
    def is_whole(self) -> bool:
        """Whether all of the month was held."""
        return self.subscription.held(self.month) == (self.month.start, self.month.end)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The held part cut by plan; the day of a switch belongs to the new plan."""
        start, end = self.subscription.held(self.month)
        cuts = [start]
        plans = [_plan_at(self.subscription, start)]
        for since, plan in self.subscription.plans[1:]:
            if start < since < end:
                cuts.append(since)
                plans.append(plan)
        parts = []
        for plan, first, last in zip(plans, cuts, [*cuts[1:], end], strict=True):
            # A segment that another follows ends with the day before the switch.
            midnight = last if last == end else _midnight(last)
            parts.append(Segment(plan.at(first), first, last, local_days(first, midnight)))
        return tuple(parts)

    @cached_property
    def plan(self) -> AppPlan:
        """The plan that is held when the month (or its held part) ends."""
        _, end = self.subscription.held(self.month)
        return _plan_at(self.subscription, end - _INSTANT)


def _plan_at(subscription: Subscription, instant: datetime) -> AppPlan:
    plan = subscription.plans[0][1]
    for since, later in subscription.plans[1:]:
        if since <= instant:
            plan = later
    return plan


def _midnight(instant: datetime) -> datetime:
    day = instant.astimezone(ZONE)
    return local(day.year, day.month, day.day)


@dataclass(frozen=True)
class How:
    """How a month is rated; the defaults are our laws."""

    terms: AppTerms | None = None  # one plan's terms for all the held time
    window: tuple[datetime, datetime] | None = None  # whose usage counts, and the items' period
    policy: Policy = "day"
    quota: Quota = "prorated"
    metered: Metered = "all"
    issued_at: datetime | None = None  # for `in time`: what was written later does not count
    billable: Decimal | None = None  # units as somebody else counted them
    cut: bool = False  # amounts cut off instead of rounded


@dataclass(frozen=True)
class AppLine:
    """One charge of a month."""

    kind: Literal["base", "proration", "usage"]
    terms: AppTerms
    start: datetime
    end: datetime
    quantity: Decimal
    unit_price: Decimal
    exact: Decimal
    amount: Decimal


def rate(key: Key, how: How) -> list[AppLine]:
    """Rate a month; lines whose amount is zero are left out."""
    segments: Sequence[Segment] = key.segments
    if how.terms is not None:
        start, end = key.subscription.held(key.month)
        segments = [Segment(how.terms, start, end, local_days(start, end))]
    return [line for segment in segments for line in _rate_segment(key, segment, how)]


def total(lines: Sequence[AppLine]) -> Decimal:
    """Add the lines' rounded amounts."""
    return sum((line.amount for line in lines), ZERO)


def _rate_segment(key: Key, segment: Segment, how: How) -> list[AppLine]:
    numerator, denominator = _fraction(key, segment, how.policy)
    start, end = how.window or (segment.start, segment.end)
    terms = segment.terms
    base = terms.price * numerator / denominator
    kind: Literal["base", "proration"] = "base" if numerator == denominator else "proration"
    part = Decimal(numerator) / denominator
    billable = how.billable
    if billable is None:
        included = {
            "prorated": terms.included * numerator / denominator,
            "unprorated": terms.included,
            "zero": ZERO,
        }[how.quota]
        billable = max(_aggregate(key, (start, end), how) - included, ZERO)
    overage = billable * terms.overage
    lines = [
        AppLine(kind, terms, start, end, part, terms.price, base, _round(base, how)),
        AppLine("usage", terms, start, end, billable, terms.overage, overage, _round(overage, how)),
    ]
    return [line for line in lines if line.amount != 0]


def _fraction(key: Key, segment: Segment, policy: Policy) -> tuple[int, int]:
    if policy == "none":
        return 1, 1
    if policy == "day":
        return segment.days, key.month.days
    whole = key.month.end - key.month.start
    held = segment.end - segment.start
    return int(held.total_seconds()), int(whole.total_seconds())


def _aggregate(key: Key, window: tuple[datetime, datetime], how: How) -> Decimal:
    if how.metered == "none":
        return ZERO
    uses = [use for use in key.subscription.used(*window) if not use.is_repeat]
    if how.metered == "in time":
        if how.issued_at is None:
            raise ValueError("rating what came in time needs the instant of issue")
        uses = [use for use in uses if use.written_at <= how.issued_at]
    return sum((use.quantity for use in uses), ZERO)


def _round(amount: Decimal, how: How) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_DOWN if how.cut else ROUND_HALF_UP)
