"""The sample NexaCloud: the first real dual run, told again with invented names.

Flows in: nothing; `build_sample()` is pure and gives the same rows on every machine. Flows out: the
rows of each NexaCloud table as dicts, to fill the database and the Odoo stand-in.

What it holds: 7 customers in four provinces, 232 plans, 87 subscriptions. In April 2026 (720 hours
in Toronto) six subscriptions have billing activity: two were invoiced rightly, and four began near
the end of the month and were invoiced 9.17 by the second (200.00 x 33 h and 50.00 x 132 h of
720 h). Three more invoices belong to no subscription. In May the six have usage, with a few
repeated idempotency keys, and no invoice of the app. The other 81 never had anything to bill: they
are free and without usage, or ended in their trial, or ended in the instant that they began.
An event's time is its window_start; no window straddles a period.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.app_invoices import Heading, add_invoice, item, tax_items
from sandbox.catalogue import sample_plans, sample_users
from sandbox.rows import AS_OF, ZONE, Row, Sample, cents, identifier, local

__all__ = ["AS_OF", "ZONE", "Row", "Sample", "build_sample"]

APRIL, MAY, JUNE, JULY = (local(2026, month, 1) for month in (4, 5, 6, 7))
_HOUR = timedelta(hours=1)


def build_sample() -> Sample:
    """Build the sample; every call returns equal rows."""
    sample = Sample()
    sample.users.extend(sample_users())
    sample.plans.extend(sample_plans())
    plans = {plan["code"]: plan for plan in sample.plans}
    for story in _STORIES:
        _add_story(sample, plans, story)
    _add_quiet_subscriptions(sample, plans)
    _add_one_offs(sample)
    # Ids of an append-only table grow with the time of writing.
    sample.usage_records.sort(key=lambda row: (row["created_at"], row["idempotency_key"]))
    for number, row in enumerate(sample.usage_records, start=1):
        row["id"] = number
    return sample


# --------------------------------------------------------------------------- the six with activity


@dataclass(frozen=True)
class _Story:
    """One subscription with activity; `hourly_cpu_seconds` a deployment in April, May and June."""

    customer: int
    plan_code: str
    held_hours_in_april: int
    hourly_cpu_seconds: tuple[int, int, int]
    deployments: int = 1
    repeated_keys: int = 0


_STORIES = (
    # Two that the app invoiced rightly; the second is over its quota, pooled over two deployments.
    _Story(1, "odoo-large-tor", 720, (1400, 1500, 1500)),
    _Story(4, "wordpress-medium-mtl", 720, (800, 850, 850), deployments=2, repeated_keys=2),
    # Four that began near the end of April and were prorated by the second.
    _Story(2, "odoo-xlarge-tor", 33, (3100, 5600, 5600), repeated_keys=2),
    _Story(5, "postgres-xlarge-cgy", 33, (2900, 3300, 3300)),
    _Story(6, "nextcloud-small-van", 132, (900, 1500, 1500), repeated_keys=1),
    _Story(3, "n8n-small-tor", 132, (700, 800, 800)),
)


def _add_story(sample: Sample, plans: dict[str, Row], story: _Story) -> None:
    plan = plans[story.plan_code]
    started = MAY - story.held_hours_in_april * _HOUR
    user_id = sample.users[story.customer - 1]["id"]
    subscription = _subscription(len(sample.subscriptions) + 1, user_id, plan, started)
    sample.subscriptions.append(subscription)
    usage: list[Row] = []
    for ordinal in range(1, story.deployments + 1):
        deployment = _deployment(subscription, plan, ordinal)
        sample.deployments.append(deployment)
        usage.extend(_hourly_usage(subscription, deployment, started, story))
    usage.extend(_repeats(usage, story.repeated_keys))
    sample.usage_records.extend(usage)
    _add_april_invoice(sample, subscription, plan, usage)


def _subscription(number: int, user_id: str, plan: Row, started: datetime) -> Row:
    return {
        "id": identifier("subscription", number),
        "user_id": user_id,
        "plan_id": plan["id"],
        "status": "active",
        "started_at": started,
        "trial_ends_at": None,
        "current_period_start": JUNE,
        "current_period_end": JULY,
        "cancelled_at": None,
        "created_at": started,
        "updated_at": started,
    }


def _deployment(subscription: Row, plan: Row, ordinal: int) -> Row:
    started = subscription["started_at"]
    return {
        "id": identifier("deployment", subscription["id"], ordinal),
        "subscription_id": subscription["id"],
        "user_id": subscription["user_id"],
        "name": f"{plan['code']}-{subscription['id'][:4]}-{ordinal}",
        "status": "running",
        "created_at": started,
        "terminated_at": None,
        "updated_at": started,
    }


def _hourly_usage(
    subscription: Row, deployment: Row, started: datetime, story: _Story
) -> list[Row]:
    """Return one record an hour; the quantity wavers by a fifth around the month's mean."""
    rows = []
    for step in range((AS_OF - started) // _HOUR):
        start = started + step * _HOUR
        mean = story.hourly_cpu_seconds[0 if start < MAY else 1 if start < JUNE else 2]
        waver = Decimal((step * 7_919 + mean * 31) % 400_001 - 200_000).scaleb(-6)  # -0.2 .. 0.2
        rows.append(
            {
                "subscription_id": subscription["id"],
                "deployment_id": deployment["id"],
                "metric": "cpu_seconds",
                "quantity": mean * (1 + waver),
                "window_start": start,
                "window_end": start + _HOUR,
                "idempotency_key": f"{deployment['id']}:{start:%Y%m%dT%H}",
                "created_at": start + _HOUR + timedelta(minutes=5),
            }
        )
    return rows


def _repeats(usage: list[Row], wanted: int) -> list[Row]:
    """Return later repeats of some May keys with another quantity, days or minutes afterwards."""
    may = [row for row in usage if MAY <= row["window_start"] < JUNE]
    rows = []
    for ordinal in range(wanted):
        original = may[100 + 200 * ordinal]
        later = timedelta(days=3) if ordinal % 2 == 0 else timedelta(minutes=2)
        quantity = original["quantity"] + Decimal("2500.250000")
        rows.append(original | {"quantity": quantity, "created_at": original["created_at"] + later})
    return rows


# -------------------------------------------------------------------------------- April's invoices


def _add_april_invoice(sample: Sample, subscription: Row, plan: Row, usage: list[Row]) -> None:
    """Invoice April as the app does: by the second, in arrears, on the first of May."""
    start = max(subscription["started_at"], APRIL)
    hours = Decimal((MAY - start) // _HOUR)
    whole = Decimal((MAY - APRIL) // _HOUR)
    used = sum((row["quantity"] for row in usage if row["window_start"] < MAY), Decimal(0))
    billable = max(used - plan["included_cpu_seconds"] * hours / whole, Decimal(0))
    items = [
        item(
            "base" if hours == whole else "proration",
            f"{plan['code']}: {hours} of {whole} hours",
            (hours / whole, plan["price"]),
            cents(plan["price"] * hours / whole),
        )
    ]
    if billable > 0:
        unit_price = plan["overage_price_per_cpu_second"]
        said = f"{plan['code']}: CPU seconds over the included ones"
        items.append(item("usage", said, (billable, unit_price), cents(billable * unit_price)))
    _add_invoice(sample, subscription["user_id"], subscription["id"], start, items)


_ONE_OFFS = (
    (3, "877.99", "Migration of two servers"),
    (7, "872.66", "Emergency recovery of a site"),
    (4, "32.20", "Domain name, one year"),
)


def _add_one_offs(sample: Sample) -> None:
    for customer, amount, description in _ONE_OFFS:
        user_id = sample.users[customer - 1]["id"]
        price = Decimal(amount)
        items = [item("one_off", description, (Decimal(1), price), price)]
        _add_invoice(sample, user_id, None, APRIL, items)


def _add_invoice(
    sample: Sample, user_id: str, subscription_id: str | None, start: datetime, items: list[Row]
) -> None:
    """Number an invoice of April without a gap, and tax it as the customer's province does."""
    number = f"NC-2026-{len(sample.invoices) + 1:04d}"
    user = next(user for user in sample.users if user["id"] == user_id)
    taxes = tax_items(user["province"], sum((row["amount"] for row in items), Decimal(0)))
    status = "open" if number.endswith("6") else "paid"
    issued = MAY + 6 * _HOUR
    heading = Heading(number, user, subscription_id, (start, MAY), issued, status)
    add_invoice(sample, heading, items, taxes)


# ------------------------------------------------------------ the 81 that have nothing to bill

_FREE_AND_RUNNING = 40
_FREE_AND_ENDED = 12
_ENDED_IN_TRIAL = 26
_NEVER_HELD = 3


def _add_quiet_subscriptions(sample: Sample, plans: dict[str, Row]) -> None:
    free = [plan for code, plan in plans.items() if code.endswith("-free")]
    paid = [plan for code, plan in plans.items() if not code.endswith("-free")]
    for index in range(_FREE_AND_RUNNING + _FREE_AND_ENDED + _ENDED_IN_TRIAL + _NEVER_HELD):
        started = local(2025, 9, 1, 10) + timedelta(days=index)
        user = sample.users[index % len(sample.users)]
        is_free = index < _FREE_AND_RUNNING + _FREE_AND_ENDED
        plan = free[index % len(free)] if is_free else paid[(index * 17) % len(paid)]
        number = len(sample.subscriptions) + 1
        subscription = _subscription(number, user["id"], plan, started)
        if index < _FREE_AND_RUNNING:
            sample.deployments.append(_deployment(subscription, plan, 1))
        elif is_free:
            _end(subscription, started + timedelta(days=60))
        elif index < _FREE_AND_RUNNING + _FREE_AND_ENDED + _ENDED_IN_TRIAL:
            subscription["trial_ends_at"] = started + timedelta(days=14)
            _end(subscription, started + timedelta(days=9))
        else:
            _end(subscription, started)
        sample.subscriptions.append(subscription)


def _end(subscription: Row, ended: datetime) -> None:
    subscription |= {
        "status": "cancelled",
        "cancelled_at": ended,
        "updated_at": ended,
        "current_period_start": subscription["started_at"],
        "current_period_end": ended,
    }
