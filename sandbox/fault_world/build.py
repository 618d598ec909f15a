"""The generated world, put together: rows before and after, and the truth.

Flows in: a seed and sizes. Flows out: a `World`. Equal arguments give equal worlds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sandbox.fault_world.entities import make_plans, make_subscription, months_before_as_of
from sandbox.fault_world.injection import FaultVerdict, make_verdicts
from sandbox.fault_world.invoices import province_of, write_invoices
from sandbox.fault_world.rating import AppPlan, AppTerms, Month, Subscription
from sandbox.rows import AS_OF, CURRENCY, Row, Sample, identifier

_FEWEST_MONTHS = 3
_USERS_SHARE = 20  # subscriptions a user, about
_DAYS_BEFORE_CHANGES = 10


@dataclass(frozen=True)
class World:
    """Rows of both phases, and the truth for each subscription and month."""

    before: Sample
    after: Sample
    truth: list[Row]
    one_offs: list[Row]


def build_world(seed: int, subscriptions: int = 2000, months: int = 6) -> World:
    """Build a world; raises ValueError where the sizes leave no room for a history."""
    if months < _FEWEST_MONTHS or subscriptions < 1:
        raise ValueError(f"a world needs a subscription and at least {_FEWEST_MONTHS} months")
    random = Random(f"fault world {seed}")
    calendar = months_before_as_of(months)
    plans = make_plans(random, calendar)
    users = max(subscriptions // _USERS_SHARE, 10)
    people = [
        make_subscription(random, number, plans, users, calendar)
        for number in range(1, subscriptions + 1)
    ]
    verdicts = make_verdicts(people, plans, calendar, random)
    after = _rows(calendar, users, plans, people, AS_OF)
    one_offs = write_invoices(after, (verdict.draft for verdict in verdicts), calendar, random)
    current = {plan.at(AS_OF) for plan in plans}
    # Every change of plans and subscriptions comes after this moment.
    before = _rows(
        calendar, users, plans, people, calendar[1].start - timedelta(days=_DAYS_BEFORE_CHANGES)
    )
    before.usage_records.clear()
    return World(before, after, [_truth(verdict, current) for verdict in verdicts], one_offs)


def _rows(
    months: Sequence[Month],
    users: int,
    plans: Iterable[AppPlan],
    subscriptions: Iterable[Subscription],
    now: datetime,
) -> Sample:
    """Write what existed at `now`, as it was then; invoices come elsewhere."""
    sample = Sample(has_odoo_catalogue=False)
    born = months[0].start - timedelta(days=30)
    sample.users.extend(_user(number, born) for number in range(users))
    sample.plans.extend(_plan(plan, born, now) for plan in plans)
    for subscription in subscriptions:
        if subscription.started_at <= now:
            user_id = sample.users[subscription.user]["id"]
            sample.subscriptions.append(_subscription(subscription, user_id, now))
            sample.deployments.extend(_deployments(subscription, user_id))
            sample.usage_records.extend(_usage(subscription))
    sample.usage_records.sort(key=lambda row: (row["created_at"], row["idempotency_key"]))
    for number, row in enumerate(sample.usage_records, start=1):
        row["id"] = number
    return sample


def _user(number: int, born: datetime) -> Row:
    return {
        "id": identifier("fault user", number),
        "email": f"customer-{number}@generated.example",
        "full_name": f"Customer {number}",
        "company_name": f"Generated Company {number}",
        "country": "CA",
        "province": province_of(number),
        "is_active": True,
        "created_at": born,
        "updated_at": born,
    }


def _plan(plan: AppPlan, born: datetime, now: datetime) -> Row:
    since, terms = [version for version in plan.versions if version[0] <= now][-1]
    return {
        "id": plan.id,
        "code": terms.code,
        "name": f"Generated plan {terms.code}",
        "price": terms.price,
        "currency": CURRENCY,
        "billing_interval": "month",
        "included_cpu_seconds": terms.included,
        "overage_price_per_cpu_second": terms.overage,
        "is_active": True,
        "created_at": born,
        "updated_at": born if terms == plan.versions[0][1] else since,
    }


def _subscription(subscription: Subscription, user_id: str, now: datetime) -> Row:
    since, plan = [held for held in subscription.plans if held[0] <= now][-1]
    ended = subscription.cancelled_at
    is_ended = ended is not None and ended <= now
    return {
        "id": subscription.id,
        "user_id": user_id,
        "plan_id": plan.id,
        "status": "cancelled" if is_ended else "active",
        "started_at": subscription.started_at,
        "trial_ends_at": None,
        "current_period_start": subscription.started_at,
        "current_period_end": None,
        "cancelled_at": ended if is_ended else None,
        "created_at": subscription.started_at,
        "updated_at": ended if is_ended else since,
    }


def _deployments(subscription: Subscription, user_id: str) -> list[Row]:
    return [
        {
            "id": identifier("fault deployment", subscription.number, ordinal),
            "subscription_id": subscription.id,
            "user_id": user_id,
            "name": f"generated-{subscription.number}-{ordinal}",
            "status": "running",
            "created_at": subscription.started_at,
            "terminated_at": None,
            "updated_at": subscription.started_at,
        }
        for ordinal in range(subscription.deployments)
    ]


def _usage(subscription: Subscription) -> list[Row]:
    return [
        {
            "subscription_id": subscription.id,
            "deployment_id": identifier("fault deployment", subscription.number, use.deployment),
            "metric": "cpu_seconds",
            "quantity": use.quantity,
            "window_start": use.at,
            "window_end": use.at + timedelta(hours=1),
            "idempotency_key": f"{subscription.number}:{use.deployment}:{use.at:%Y%m%dT%H}",
            "created_at": use.written_at,
        }
        for use in subscription.uses
    ]


def _truth(verdict: FaultVerdict, current: set[AppTerms]) -> Row:
    key = verdict.draft.key
    return {
        "service": "nexacloud",
        "external_subscription_id": key.subscription.id,
        "period_start": key.month.start,
        "period_end": key.month.end,
        "currency": CURRENCY,
        "kind": verdict.kind,
        "expected_amount": verdict.expected,
        "actual_amount": verdict.actual,
        "delta_amount": verdict.expected - verdict.actual,
        "causes": [
            {"cause": cause, "amount": amount, "variant": variant}
            for cause, amount, variant in verdict.causes
        ],
        "unexplained_amount": verdict.unexplained,
        "needs_history": _needs_history(verdict, current),
    }


def _needs_history(verdict: FaultVerdict, current: set[AppTerms]) -> bool:
    """Say whether the answer stands on a version that the source has overwritten since."""
    key = verdict.draft.key
    terms = {part.terms for part in key.segments} | {line.terms for line in verdict.draft.lines}
    switches = [since for since, _ in key.subscription.plans[1:]]
    return not terms <= current or any(key.month.start < since for since in switches)
