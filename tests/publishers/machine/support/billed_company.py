"""The customers of the publishing machine, and what is right to bill them, in fractions.

In: a seed for each customer. Out: facts that change from night to night, as raw rows and rows of
the price book, and the right amount of every stretch of service time. Written from the laws of
billing; it shares no code with the models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from random import Random
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

TORONTO = ZoneInfo("America/Toronto")
GRACE = timedelta(days=2)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# Far from the records of the sample, whose warehouse this is.
_usage_numbers = count(10**8)


class Right(NamedTuple):
    """What is right for one charge of one stretch of service time: half-open, in `CAD`."""

    subscription: str
    charge: str
    start: datetime
    end: datetime
    amount: Decimal
    is_billable: bool


class Tariff(NamedTuple):
    """A plan and its prices: of a month or a quarter, and of a CPU second."""

    name: str
    months: int
    fee: Decimal
    unit_price: Decimal


@dataclass
class Usage:
    """One record of the meter: `is_there` turns false when the source withdraws it."""

    number: int
    day: date
    quantity: Decimal
    is_there: bool = True


@dataclass
class Subscription:
    """One subscription and everything that a source says of it now; days are local."""

    name: str
    tariff: Tariff
    started_on: date
    cancelled_on: date | None = None
    later: Tariff | None = None
    switched_on: date | None = None
    usage: list[Usage] = field(default_factory=list)
    # When its row was written last, as the source dates it.
    written_on: date = date(2020, 1, 1)
    # Its gate was closed: the app is likely to invoice it again.
    is_back_at_the_app: bool = False

    @property
    def tariffs(self) -> list[Tariff]:
        return [self.tariff, *([self.later] if self.later else [])]

    def spans(self) -> Iterator[tuple[Tariff, date, date]]:
        """The tariffs one after the other: from a day up to a day that is not included."""
        end = self.cancelled_on or date(9000, 1, 1)
        if self.later and self.switched_on and self.switched_on < end:
            yield self.tariff, self.started_on, self.switched_on
            yield self.later, self.switched_on, end
        else:
            yield self.tariff, self.started_on, end


@dataclass
class Customer:
    """Whoever pays, played by one seed: one partner in Odoo, one user of the app."""

    seed: int
    partner_id: int = 0
    random: Random = field(init=False)
    subscriptions: list[Subscription] = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        amount = self.random.choice((1, 2))
        self.subscriptions = [self._subscription(number) for number in range(amount)]

    @property
    def user(self) -> str:
        return f"user-{self.seed}"

    def _subscription(self, number: int) -> Subscription:
        name = str(UUID(int=self.seed * 100 + number + 1))
        pick = self.random
        prices = Decimal(pick.randint(500, 30000)) / 100, Decimal(pick.randint(1, 500)) / 1000
        tariff = Tariff(f"plan-{self.seed}-{number}", 1, *prices)
        started = date(2026, 6, 1) + timedelta(days=pick.choice((0, 0, pick.randint(0, 40))))
        return Subscription(name, tariff, started)


def midnight(day: date) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day, time(), TORONTO).astimezone(UTC)


def rights(subscription: Subscription, as_of: datetime) -> Iterator[Right]:
    """What is right to have been billed, period by period, up to the one in which `as_of` lies."""
    for tariff, first, after in subscription.spans():
        for start, end in _periods(tariff.months, first, min(after, as_of.date())):
            begin, stop = max(start, first), min(end, after)
            if begin >= stop:
                continue
            # A new tariff begins its own first period on the day of the switch.
            opens = begin if tariff is not subscription.tariff else start
            closes = min(end, after) if after == subscription.switched_on else end
            stretch = midnight(opens), midnight(closes)
            over = midnight(closes) + GRACE <= as_of
            share = Fraction((stop - begin).days, (end - start).days)
            used = sum(
                (u.quantity for u in subscription.usage if u.is_there and begin <= u.day < stop),
                Decimal(0),
            )
            fee, usage = Fraction(tariff.fee) * share, Fraction(used) * Fraction(tariff.unit_price)
            yield Right(subscription.name, "base", *stretch, cents(fee), over)
            yield Right(subscription.name, "cpu_seconds", *stretch, cents(usage), over)


def _periods(months: int, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Calendar months or quarters that touch the days from `first` to `last`."""
    start = date(first.year, first.month - (first.month - 1) % months, 1)
    while start <= last:
        end = next_month(start, months)
        yield start, end
        start = end


def next_month(day: date, months: int = 1) -> date:
    """The first day of the month that comes so many months later."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def cents(amount: Fraction) -> Decimal:
    """Rounded once, half away from zero."""
    whole = int(abs(amount) * 100 + Fraction(1, 2))
    return Decimal(whole if amount >= 0 else -whole) / 100


# ------------------------------------------------------------------------ what the sources say


def user_row(customer: Customer) -> dict[str, Any]:
    name = customer.user
    return {
        **{"id": name, "email": f"{name}@example.com", "full_name": name, "company_name": name},
        **{"country": "CA", "province": "ON", "is_active": True},
        **{"created_at": LONG_AGO, "updated_at": LONG_AGO},
    }


def plan_row(tariff: Tariff) -> dict[str, Any]:
    return {
        **{"id": tariff.name, "code": tariff.name, "name": tariff.name, "currency": "CAD"},
        **{"price": "0", "included_cpu_seconds": 0, "overage_price_per_cpu_second": 0},
        **{"billing_interval": "month" if tariff.months == 1 else "quarter", "is_active": True},
        **{"created_at": LONG_AGO, "updated_at": LONG_AGO},
    }


def book_rows(tariff: Tariff) -> list[dict[str, Any]]:
    """The price book's rows of a plan: what may be corrected for months that are over."""
    named = {"service": "nexacloud", "plan_code": tariff.name, "currency": "CAD"}
    return [
        {**named, "base_fee": tariff.fee},
        {**named, "metric": "cpu_seconds", "unit_price": tariff.unit_price},
    ]


def subscription_row(customer: Customer, held: Subscription) -> dict[str, Any]:
    return {
        **{"id": held.name, "user_id": customer.user, "plan_id": held.tariff.name},
        **{"status": "active", "started_at": midnight(held.started_on)},
        **{"created_at": LONG_AGO, "updated_at": LONG_AGO},
    }


def usage_row(held: Subscription, used: Usage) -> dict[str, Any]:
    at = midnight(used.day) + timedelta(hours=12)
    return {
        **{"id": used.number, "subscription_id": held.name, "metric": "cpu_seconds"},
        **{"quantity": used.quantity, "window_start": at, "window_end": at},
        **{"idempotency_key": f"key-{used.number}", "created_at": at},
    }


def new_usage(day: date, quantity: Decimal) -> Usage:
    return Usage(next(_usage_numbers), day, quantity)
