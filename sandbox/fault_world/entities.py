"""Who is sold what in the generated world, and what they use.

Flows in: a random source and sizes. Flows out: plans with their versions, subscriptions with their
usage. A tenth of what happens is out of the ordinary: late starts, ends and plan switches in
mid-month, two deployments, repeated idempotency keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from sandbox.fault_world.rating import UNIT, AppPlan, AppTerms, Month, Subscription, Use
from sandbox.rows import AS_OF, ZONE, identifier, local

PLAN_COUNT = 40
_REPRICED_EVERY = 4
_RECORDS_A_MONTH = 8
_HOUR = timedelta(hours=1)
_FIVE_MINUTES = timedelta(minutes=5)


def months_before_as_of(count: int) -> list[Month]:
    """The last `count` whole months, oldest first."""
    now = AS_OF.astimezone(ZONE)
    return [Month(now.year, now.month).plus(-back) for back in range(count, 0, -1)]


def make_plans(random: Random, months: Sequence[Month]) -> list[AppPlan]:
    """Make plans; every fourth is repriced once, at the first instant of a later month."""
    plans = []
    for number in range(PLAN_COUNT):
        code = f"gen-{number + 1:02d}"
        price = Decimal(1500 + 700 * number + random.randrange(600)).scaleb(-2)
        included = Decimal(random.randrange(200, 3000) * 1000)
        overage = Decimal(random.randrange(80, 400)).scaleb(-6)
        first = AppTerms(code, price, included, overage)
        versions = [(months[0].start, first)]
        if number % _REPRICED_EVERY == 0:
            since = months[random.randrange(2, len(months))].start
            versions.append((since, _repriced(random, first)))
        plans.append(AppPlan(identifier("fault plan", code), tuple(versions)))
    return plans


def _repriced(random: Random, terms: AppTerms) -> AppTerms:
    return AppTerms(
        terms.code,
        terms.price + Decimal(random.randrange(150, 900)).scaleb(-2),
        terms.included + 1000 * random.randrange(20, 200),
        terms.overage + Decimal(random.randrange(5, 60)).scaleb(-6),
    )


def make_subscription(
    random: Random, number: int, plans: Sequence[AppPlan], users: int, months: Sequence[Month]
) -> Subscription:
    """Make one subscription of a random shape, with its usage over all months."""
    subscription = Subscription(
        number=number,
        id=identifier("fault subscription", number),
        user=random.randrange(users),
        started_at=months[0].start,
        cancelled_at=None,
        plans=[(months[0].start, random.choice(plans))],
        deployments=2 if random.random() < 0.15 else 1,
    )
    shape = random.random()
    if shape < 0.28:
        subscription.started_at = _moment(random, months[random.randrange(len(months))])
        subscription.plans[0] = (subscription.started_at, subscription.plans[0][1])
    elif shape < 0.42:
        subscription.cancelled_at = _moment(random, months[random.randrange(1, len(months))])
    elif shape < 0.50:
        others = [plan for plan in plans if plan is not subscription.plans[0][1]]
        switch = _moment(random, months[random.randrange(1, len(months))])
        subscription.plans.append((switch, random.choice(others)))
    _use(random, subscription, months)
    return subscription


def _moment(random: Random, month: Month) -> datetime:
    """Return a moment from the 3rd to the 27th, at a whole minute of the day."""
    day = 3 + random.randrange(25)
    return local(month.year, month.month, day, random.randrange(1, 23)) + timedelta(
        minutes=random.randrange(60)
    )


def _use(random: Random, subscription: Subscription, months: Sequence[Month]) -> None:
    """Spread each month's usage, from a third to twice the included quantity, over a few hours."""
    habit = 0.3 + 1.6 * random.random()
    switch_days = {since.astimezone(ZONE).date() for since, _ in subscription.plans[1:]}
    for month in months:
        start, end = subscription.held(month)
        first = start.replace(minute=0) + (_HOUR if start.minute else timedelta(0))
        hours = (end - first) // _HOUR
        if hours < _RECORDS_A_MONTH:
            continue
        included = subscription.plans[-1][1].versions[0][1].included
        share = Decimal((end - start) // _HOUR) / ((month.end - month.start) // _HOUR)
        mean = included * share * Decimal(f"{habit:.6f}") / _RECORDS_A_MONTH
        for at in _hours(random, first, hours):
            if at.astimezone(ZONE).date() in switch_days:
                continue  # nobody argues over usage of the day of a switch
            waver = Decimal(f"{0.6 + 0.8 * random.random():.6f}")
            quantity = (mean * waver).quantize(UNIT)
            deployment = random.randrange(subscription.deployments)
            use = Use(at, quantity, at + _HOUR + _FIVE_MINUTES, deployment)
            subscription.uses.append(use)
            if random.random() < 0.02:
                subscription.uses.append(_repeat(random, use))


def _hours(random: Random, first: datetime, hours: int) -> list[datetime]:
    """Pick distinct hours, always one of the last three: there the zone makes a difference."""
    picked = {hours - 1 - random.randrange(3)}
    while len(picked) < _RECORDS_A_MONTH:
        picked.add(random.randrange(hours))
    return [first + hour * _HOUR for hour in sorted(picked)]


def _repeat(random: Random, use: Use) -> Use:
    quantity = (use.quantity * Decimal(f"{0.5 + random.random():.6f}")).quantize(UNIT)
    written_at = use.written_at + timedelta(minutes=1 + random.randrange(50))
    return Use(use.at, quantity, written_at, use.deployment, is_repeat=True)
