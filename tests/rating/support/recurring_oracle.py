"""What recurring revenue, its movements, accruals and deferrals must come to, by a story alone.

In: subscriptions as people would tell them: a plan, from when to when, a pause, a switch, and what
the app invoiced. Out: the same figures as the marts, made with a calendar day by day, without SQL.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Toronto")
CENT = Decimal("0.01")
ZERO = Decimal(0)
DAY = timedelta(days=1)


class Plan(NamedTuple):
    name: str
    price: Decimal
    interval: str
    months: int
    currency: str = "CAD"


PLANS = (
    Plan("small", Decimal("10.00"), "month", 1),
    Plan("medium", Decimal("25.55"), "month", 1),
    Plan("large", Decimal("99.99"), "month", 1),
    Plan("free", ZERO, "month", 1),
    Plan("quarterly", Decimal("100.00"), "quarter", 3),
    Plan("yearly", Decimal("1200.00"), "year", 12),
    Plan("odd-yearly", Decimal("365.37"), "year", 12),
    Plan("dollars", Decimal("30.00"), "month", 1, "USD"),
)
SWITCHED = PLANS[:4]  # plans of one interval and currency, between which people switch


class Invoiced(NamedTuple):
    period: date
    amount: Decimal
    issued_at: datetime
    status: str


class Discount(NamedTuple):
    """Off the fee of what begins from a day on and before another."""

    percent: Decimal | None
    amount: Decimal | None
    since: date
    until: date

    def of(self, price: Decimal) -> Decimal:
        """What the fee is less it; never below zero."""
        off = self.amount if self.percent is None else price * self.percent / 100
        return max(price - (off or ZERO), ZERO)


@dataclass
class Held:
    """One subscription's story; `stays` are half-open times on a plan, a pause lies between two."""

    name: str
    stays: list[tuple[Plan, datetime, datetime | None]]
    discount: Discount | None = None
    invoiced: list[Invoiced] = field(default_factory=list)

    def fee(self, plan: Plan, first_day: date) -> Decimal:
        """The fee of a whole period of which the plan's part begins on that day."""
        off = self.discount
        is_off = off is not None and off.since <= first_day < off.until
        return off.of(plan.price) if off and is_off else plan.price


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def local_day(at: datetime) -> date:
    return at.astimezone(ZONE).date()


def next_month(day: date, months: int = 1) -> date:
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def period_of(day: date, months: int) -> tuple[date, date]:
    """The calendar's month, quarter or year that holds a day."""
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    return first, next_month(first, months)


class Base(NamedTuple):
    """The fee of one plan in one period, and the days that it is earned over."""

    period: date
    currency: str
    amount: Decimal
    first_day: date
    last_day: date

    def earned_until(self, day: date) -> Decimal:
        if day >= self.last_day:
            return self.amount
        elapsed = (day - self.first_day).days + 1
        whole = (self.last_day - self.first_day).days + 1
        return cents(self.amount * elapsed / whole) if elapsed > 0 else ZERO


def days_held(held: Held, as_of: datetime) -> dict[tuple[date, Plan], list[date]]:
    """The days of each plan in each period; a switch day is the new plan's."""
    owners: dict[date, Plan] = {}
    for plan, start, end in held.stays:
        # Of what nobody has ended every day is counted to the end of the running period.
        last = local_day(end - timedelta(microseconds=1)) if end else None
        last = last or period_of(local_day(as_of), plan.months)[1] - DAY
        day = local_day(start)
        while day <= last:
            owners[day] = plan
            day += DAY
    days: dict[tuple[date, Plan], list[date]] = defaultdict(list)
    for day, plan in sorted(owners.items()):
        days[period_of(day, plan.months)[0], plan].append(day)
    return days


def bases(held: Held, as_of: datetime) -> Iterator[Base]:
    """The fee of each plan in each period, by its share of the days."""
    for (period, plan), touched in days_held(held, as_of).items():
        if midnight(period) <= as_of:
            whole = (next_month(period, plan.months) - period).days
            amount = cents(held.fee(plan, touched[0]) * len(touched) / whole)
            yield Base(period, plan.currency, amount, touched[0], touched[-1])


def month_ends(as_of: datetime) -> list[date]:
    """First days of the months that are over or running."""
    running = local_day(as_of).replace(day=1)
    return [next_month(running, -number) for number in range(20, -1, -1)]


def mrr(held: Held, as_of: datetime) -> dict[tuple[date, str], Decimal]:
    """The monthly fee in force at the end of each month, by month and currency."""
    found, days = {}, days_held(held, as_of)
    for month in month_ends(as_of):
        at = min(midnight(next_month(month)), as_of)
        for plan, start, end in held.stays:
            if start < at and (end is None or at <= end):
                period, _ = period_of(local_day(at - timedelta(microseconds=1)), plan.months)
                fee = held.fee(plan, days[period, plan][0])
                if fee:
                    found[month, plan.currency] = cents(fee / plan.months)
    return found


def movements(held: Held, as_of: datetime) -> dict[tuple[date, str, str], Decimal]:
    """Walk the months one after the other and give each step its name."""
    recurring = mrr(held, as_of)
    found = {}
    for currency in {currency for _, currency in recurring}:
        ever = False
        for before, month in pairwise(month_ends(as_of)):
            old, new = (recurring.get((each, currency), ZERO) for each in (before, month))
            if old != new:
                found[month, currency, _name(old, new, ever)] = new - old
            ever = ever or new != 0
    return found


def _name(old: Decimal, new: Decimal, ever: bool) -> str:
    if not old:
        return "reactivation" if ever else "new"
    if not new:
        return "churn"
    return "expansion" if new > old else "contraction"


class Standing(NamedTuple):
    accrued: Decimal
    deferred: Decimal
    overbilled: Decimal


def unbilled(held: Held, as_of: datetime) -> dict[tuple[date, str], Standing]:
    """By month end and currency: each period by itself, what is earned beside what is invoiced."""
    every = list(bases(held, as_of))
    found: dict[tuple[date, str], Standing] = {}
    for month in month_ends(as_of)[-14:-1]:
        last_day = next_month(month) - DAY
        for period, currency in {(base.period, base.currency) for base in every}:
            of_period = [one for one in every if (one.period, one.currency) == (period, currency)]
            standing = _standing(of_period, held.invoiced, last_day)
            if any(standing):
                known = found.get((last_day, currency), Standing(ZERO, ZERO, ZERO))
                sums = (one + other for one, other in zip(known, standing, strict=True))
                found[last_day, currency] = Standing(*sums)
    return found


def _standing(of_period: list[Base], invoiced: list[Invoiced], last_day: date) -> Standing:
    earned = sum((base.earned_until(last_day) for base in of_period), ZERO)
    whole = sum((base.amount for base in of_period), ZERO)
    billed = sum(
        (
            one.amount
            for one in invoiced
            if one.period == of_period[0].period
            and one.status in ("open", "paid", "uncollectible")
            and local_day(one.issued_at) <= last_day
        ),
        ZERO,
    )
    early = max(billed - earned, ZERO)
    deferred = min(early, max(whole - earned, ZERO))
    return Standing(max(earned - billed, ZERO), deferred, early - deferred)


# ------------------------------------------------------------------------------- made-up stories


def stories(seed: int, count: int, as_of: datetime) -> list[Held]:
    """Subscriptions that begin, pause, switch and end at random times, invoiced well and badly."""
    draw = random.Random(seed)
    return [_story(draw, f"s{number}", as_of) for number in range(count)]


def _moment(draw: random.Random, after: datetime, most_days: int) -> datetime:
    day = local_day(after) + timedelta(days=draw.randint(2, most_days))
    at = time(draw.randint(1, 22), draw.randint(0, 59))
    return datetime.combine(day, at, ZONE).astimezone(UTC)


def _story(draw: random.Random, name: str, as_of: datetime) -> Held:
    plan = draw.choice(PLANS)
    start = _moment(draw, datetime(2025, 6, 1, tzinfo=UTC), 320)
    end = _moment(draw, start, 200) if draw.random() < 0.4 else None
    stays = [(plan, start, end if end and end < as_of - 2 * DAY else None)]
    middle = _moment(draw, start, 90)
    happens = draw.random()
    if middle < (stays[0][2] or as_of) - 70 * DAY:
        if happens < 0.35:
            back = _moment(draw, middle, 65)
            stays = [(plan, start, middle), (plan, back, stays[0][2])]
        elif happens < 0.8 and plan in SWITCHED:
            other = draw.choice([one for one in SWITCHED if one != plan])
            stays = [(plan, start, middle), (other, middle, stays[0][2])]
    held = Held(name, stays, _discount(draw))
    held.invoiced = list(_invoices(draw, held, as_of))
    return held


def _discount(draw: random.Random) -> Discount | None:
    """Of a third of them: a share of the fee, or so much a period that it is sometimes all."""
    if draw.random() > 0.35:
        return None
    since = date(2025, 6, 1) + timedelta(days=draw.randint(0, 300))
    until = since + timedelta(days=draw.randint(20, 300))
    if draw.random() < 0.5:
        return Discount(draw.choice((Decimal(50), Decimal("33.333"))), None, since, until)
    return Discount(None, Decimal("12.34"), since, until)


def _invoices(draw: random.Random, held: Held, as_of: datetime) -> Iterator[Invoiced]:
    months = held.stays[0][0].months
    sums: dict[date, Decimal] = defaultdict(Decimal)
    for base in bases(held, as_of):
        sums[base.period] += base.amount
    for period, amount in sums.items():
        kind = draw.choice(("advance", "arrears", "arrears", "late", "missing", "more", "no"))
        days = {"advance": 2, "late": 40}.get(kind, 1)
        from_day = period if kind == "advance" else next_month(period, months)
        issued_at = midnight(from_day + timedelta(days=days)) + timedelta(hours=10)
        if kind != "missing" and issued_at < as_of and amount:
            extra = Decimal("5.25") if kind == "more" else ZERO
            status = (
                draw.choice(("draft", "void")) if kind == "no" else draw.choice(("paid", "open"))
            )
            yield Invoiced(period, amount + extra, issued_at, status)
