"""How each hypothesis comes true: a month rated with one thing done otherwise.

Flows in: a subscription's month and how it is rated so far. Flows out: a changed way of rating, or
None where that month gives no chance for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from sandbox.fault_world.causes import ISSUED_AFTER
from sandbox.fault_world.rating import UNIT, ZERO, AppLine, AppPlan, How, Key, Policy, Use, rate
from sandbox.rows import AS_OF, ZONE, local

_LATE = timedelta(days=1)


@dataclass(frozen=True)
class InjectedFault:
    """A cause that was committed: the changed rating, which variant, and how to take it back."""

    how: How
    variant: str
    undo: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Chance:
    """A subscription's month, and how it is rated so far, for one thing more to go wrong."""

    key: Key
    how: How
    plans: Sequence[AppPlan]
    random: Random

    @property
    def usage_line(self) -> AppLine | None:
        """The line of overage, if there is any."""
        lines = rate(self.key, self.how)
        return next((line for line in lines if line.kind == "usage"), None)

    @property
    def uses(self) -> list[Use]:
        """The month's usage, repeats included."""
        return self.key.subscription.used(*self.key.subscription.held(self.key.month))


def inject(variant: str, chance: Chance) -> InjectedFault | None:
    """Rate with one thing more done otherwise; None where this month gives no chance for it."""
    if len(chance.key.segments) > 1 and variant != "half":
        return None  # one thing at a time where the plan was switched
    return _FAULTS[variant](chance)


def _foreign(chance: Chance) -> InjectedFault | None:
    """A plan that was never held."""
    held = [plan for _, plan in chance.key.subscription.plans]
    named = chance.random.choice([plan for plan in chance.plans if plan not in held])
    return _on_plan(chance, named, "foreign")


def _stale(chance: Chance) -> InjectedFault | None:
    """The previous plan, in a month after the switch."""
    plans = chance.key.subscription.plans
    if len(plans) == 1 or chance.key.month.start < plans[1][0]:
        return None
    return _on_plan(chance, plans[0][1], "stale")


def _half(chance: Chance) -> InjectedFault | None:
    """One of two plans, for all of the month in which they were switched."""
    if len(chance.key.segments) == 1:
        return None
    return _on_plan(chance, chance.random.choice(chance.key.subscription.plans)[1], "half")


def _on_plan(chance: Chance, plan: AppPlan, variant: str) -> InjectedFault:
    start, _ = chance.key.subscription.held(chance.key.month)
    return InjectedFault(replace(chance.how, terms=plan.at(start)), variant)


def _other_version(variant: str) -> Callable[[Chance], InjectedFault | None]:
    def inject_it(chance: Chance) -> InjectedFault | None:
        versions = [terms for _, terms in chance.key.plan.versions]
        ours = versions.index(chance.key.segments[0].terms)
        other = ours - 1 if variant == "older" else ours + 1
        if not 0 <= other < len(versions):
            return None
        return InjectedFault(replace(chance.how, terms=versions[other]), variant)

    return inject_it


def _zone(chance: Chance) -> InjectedFault | None:
    """The month in UTC."""
    month = chance.key.month
    if not chance.key.is_whole or chance.key.subscription.started_at >= month.start:
        return None
    window = (
        datetime(month.year, month.month, 1, tzinfo=UTC),
        datetime(month.next.year, month.next.month, 1, tzinfo=UTC),
    )
    return InjectedFault(replace(chance.how, window=window), "zone")


def _anchor(chance: Chance) -> InjectedFault | None:
    """The month from the day on which the subscription began, where most of it is this month."""
    month, subscription = chance.key.month, chance.key.subscription
    day = subscription.started_at.astimezone(ZONE).day
    if not chance.key.is_whole or not 1 < day < 15:
        return None
    end = local(month.next.year, month.next.month, day)
    if (subscription.cancelled_at or AS_OF) < end or end + ISSUED_AFTER > AS_OF:
        return None
    window = (local(month.year, month.month, day), end)
    return InjectedFault(replace(chance.how, window=window), "anchor")


def _policy(policy: Policy) -> Callable[[Chance], InjectedFault | None]:
    def inject_it(chance: Chance) -> InjectedFault | None:
        if chance.key.is_whole:
            return None
        return InjectedFault(replace(chance.how, policy=policy), policy)

    return inject_it


def _no_quota(chance: Chance) -> InjectedFault | None:
    return InjectedFault(replace(chance.how, quota="zero"), "zero")


def _whole_quota(chance: Chance) -> InjectedFault | None:
    if chance.key.is_whole or chance.how.policy == "none":
        return None
    return InjectedFault(replace(chance.how, quota="unprorated"), "unprorated")


def _uncharged(chance: Chance) -> InjectedFault | None:
    if chance.usage_line is None:
        return None
    return InjectedFault(replace(chance.how, metered="none"), "uncharged")


def _late(chance: Chance) -> InjectedFault | None:
    """Some usage is written a day after the invoice."""
    if chance.usage_line is None or any(use.is_repeat for use in chance.uses):
        return None  # which of two records of a key came first is not to change
    issued_at = chance.key.subscription.held(chance.key.month)[1] + ISSUED_AFTER
    late = [(use, use.written_at) for use in chance.uses if chance.random.random() < 0.3]
    for use, _ in late:
        use.written_at = issued_at + _LATE

    def undo() -> None:
        for use, written_at in late:
            use.written_at = written_at

    return InjectedFault(replace(chance.how, metered="in time", issued_at=issued_at), "late", undo)


def _repeats(chance: Chance) -> InjectedFault | None:
    """The app counted repeated idempotency keys."""
    line = chance.usage_line
    repeated = sum((use.quantity for use in chance.uses if use.is_repeat), ZERO)
    if line is None or not repeated:
        return None
    return InjectedFault(
        replace(chance.how, billable=(line.quantity + repeated).quantize(UNIT)), "repeats"
    )


def _meter(chance: Chance) -> InjectedFault | None:
    """The app counted by a meter of its own."""
    line = chance.usage_line
    if line is None:
        return None
    factor = Decimal(chance.random.choice(["0.71", "0.83", "0.94", "1.07", "1.19", "1.31"]))
    return InjectedFault(
        replace(chance.how, billable=(line.quantity * factor).quantize(UNIT)), "meter"
    )


_FAULTS: dict[str, Callable[[Chance], InjectedFault | None]] = {
    "foreign": _foreign,
    "stale": _stale,
    "half": _half,
    "older": _other_version("older"),
    "newer": _other_version("newer"),
    "zone": _zone,
    "anchor": _anchor,
    "second": _policy("second"),
    "none": _policy("none"),
    "zero": _no_quota,
    "unprorated": _whole_quota,
    "uncharged": _uncharged,
    "late": _late,
    "repeats": _repeats,
    "meter": _meter,
}
