"""The sample is the first real dual run, to the cent, and the same on every machine."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest

from sandbox.rows import ZONE, Row, Sample
from sandbox.sample import APRIL, AS_OF, JUNE, MAY, build_sample

HOUR = timedelta(hours=1)
CENT = Decimal("0.01")
# Changes only when the sample is meant to change.
DIGEST = "67195945c16f52222a3225bcc1142d9dd66ea05e4263de2e8bed2986e8031911"


@pytest.fixture(scope="module")
def sample() -> Sample:
    return build_sample()


def plan_of(sample: Sample, subscription: Row) -> Row:
    return next(plan for plan in sample.plans if plan["id"] == subscription["plan_id"])


def held(subscription: Row) -> timedelta:
    ended = subscription["cancelled_at"] or AS_OF
    return ended - subscription["started_at"]


def billed_in_april(sample: Sample) -> list[tuple[Row, Row]]:
    """The subscriptions with an invoice of April, each with it."""
    by_id = {row["id"]: row for row in sample.subscriptions}
    return [
        (by_id[row["subscription_id"]], row) for row in sample.invoices if row["subscription_id"]
    ]


def usage_in(sample: Sample, subscription: Row, month: str) -> list[Row]:
    return [
        row
        for row in sample.usage_records
        if row["subscription_id"] == subscription["id"]
        and row["window_start"].astimezone(ZONE).strftime("%Y-%m") == month
    ]


def test_the_counts_of_the_first_dual_run(sample: Sample) -> None:
    counts = {table: len(rows) for table, rows in sample.tables().items()}
    assert counts["users"] == 7
    assert counts["plans"] == 232
    assert counts["subscriptions"] == 87
    assert counts["invoices"] == 9
    assert len({row["id"] for rows in sample.tables().values() for row in rows}) == sum(
        counts.values()
    )


def test_it_is_the_same_on_every_machine(sample: Sample) -> None:
    text = json.dumps(sample.tables(), sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert sample == build_sample()
    assert digest == DIGEST


def test_april_has_720_hours() -> None:
    assert (MAY - APRIL) // HOUR == 720


def test_six_subscriptions_were_invoiced_in_april_two_of_them_for_the_whole_month(
    sample: Sample,
) -> None:
    stories = []
    for subscription, invoice in billed_in_april(sample):
        hours = (MAY - max(subscription["started_at"], APRIL)) // HOUR
        stories.append((plan_of(sample, subscription)["price"], hours, invoice["subtotal"]))
    assert sorted(stories) == [
        (Decimal(50), 132, Decimal("9.17")),
        (Decimal(50), 132, Decimal("9.17")),
        (Decimal(80), 720, Decimal("98.30")),
        (Decimal(120), 720, Decimal("120.00")),
        (Decimal(200), 33, Decimal("9.17")),
        (Decimal(200), 33, Decimal("9.17")),
    ]


def test_the_four_are_explained_by_seconds_to_the_cent(sample: Sample) -> None:
    partial = [
        (plan_of(sample, subscription)["price"], MAY - subscription["started_at"], invoice)
        for subscription, invoice in billed_in_april(sample)
        if subscription["started_at"] > APRIL
    ]
    assert len(partial) == 4
    for price, time_held, invoice in partial:
        seconds = Decimal(time_held.total_seconds()) / (720 * 3600)
        assert (price * seconds).quantize(CENT, ROUND_HALF_UP) == invoice["subtotal"]


def test_one_of_the_two_that_match_was_rightly_invoiced_for_overage(sample: Sample) -> None:
    subscription, invoice = next(
        pair for pair in billed_in_april(sample) if pair[1]["subtotal"] == Decimal("98.30")
    )
    plan = plan_of(sample, subscription)
    used = sum(row["quantity"] for row in usage_in(sample, subscription, "2026-04"))
    over = used - plan["included_cpu_seconds"]
    assert plan["overage_price_per_cpu_second"] == Decimal("0.000123")
    overage = (over * plan["overage_price_per_cpu_second"]).quantize(CENT, ROUND_HALF_UP)
    assert plan["price"] + overage == invoice["subtotal"]
    deployments = [
        row for row in sample.deployments if row["subscription_id"] == subscription["id"]
    ]
    assert len(deployments) == 2


def test_nobody_else_exceeds_a_quota_in_april_under_either_proration(sample: Sample) -> None:
    for subscription, invoice in billed_in_april(sample):
        if invoice["subtotal"] == Decimal("98.30"):
            continue
        hours = (MAY - max(subscription["started_at"], APRIL)) // HOUR
        used = sum(row["quantity"] for row in usage_in(sample, subscription, "2026-04"))
        # Seconds give the smaller quota: a day that was touched counts whole under `day`.
        assert 0 < used < plan_of(sample, subscription)["included_cpu_seconds"] * hours / 720


def test_three_one_offs_have_no_subscription(sample: Sample) -> None:
    one_offs = [row["subtotal"] for row in sample.invoices if row["subscription_id"] is None]
    assert one_offs == [Decimal("877.99"), Decimal("872.66"), Decimal("32.20")]


def test_an_invoice_is_the_sum_of_its_items_and_its_tax_is_the_provinces(sample: Sample) -> None:
    percent = {"ON": "13", "QC": "14.975", "AB": "5", "BC": "12"}
    province = {row["id"]: row["province"] for row in sample.users}
    assert set(province.values()) == set(percent)
    for invoice in sample.invoices:
        items = [row for row in sample.invoice_items if row["invoice_id"] == invoice["id"]]
        taxes = sum(row["amount"] for row in items if row["kind"] == "tax")
        others = sum(row["amount"] for row in items if row["kind"] != "tax")
        assert (others, taxes) == (invoice["subtotal"], invoice["tax"])
        assert others + taxes == invoice["total"]
        exact = invoice["subtotal"] * Decimal(percent[province[invoice["user_id"]]]) / 100
        assert abs(taxes - exact) <= CENT


def test_invoice_numbers_have_no_gap(sample: Sample) -> None:
    numbers = [row["number"] for row in sample.invoices]
    assert numbers == [f"NC-2026-{n:04d}" for n in range(1, len(numbers) + 1)]


def test_may_has_usage_some_of_it_over_quota_and_no_invoice(sample: Sample) -> None:
    over = 0
    for subscription, _invoice in billed_in_april(sample):
        seen: dict[str, Decimal] = {}
        for row in usage_in(sample, subscription, "2026-05"):
            seen.setdefault(row["idempotency_key"], row["quantity"])
        assert len(seen) % 744 == 0  # every hour of May, each deployment
        over += sum(seen.values()) > plan_of(sample, subscription)["included_cpu_seconds"]
    assert over == 3
    assert all(row["period_end"] <= MAY for row in sample.invoices)


def test_repeated_keys_come_later_and_with_another_quantity(sample: Sample) -> None:
    first: dict[tuple[str, str], Row] = {}
    repeats = 0
    for row in sample.usage_records:
        key = (row["subscription_id"], row["idempotency_key"])
        original = first.setdefault(key, row)
        if original is not row:
            repeats += 1
            assert row["created_at"] > original["created_at"]
            assert row["id"] > original["id"]
            assert row["quantity"] != original["quantity"]
            assert MAY <= row["window_start"] < JUNE
    assert repeats == 5


def test_the_other_81_have_nothing_to_bill(sample: Sample) -> None:
    active = {subscription["id"] for subscription, _ in billed_in_april(sample)}
    used = {row["subscription_id"] for row in sample.usage_records}
    assert used == active
    reasons: Counter[str] = Counter()
    for subscription in sample.subscriptions:
        if subscription["id"] in active:
            continue
        trial = subscription["trial_ends_at"]
        if plan_of(sample, subscription)["price"] == 0:
            reasons["free"] += 1
        elif trial and subscription["cancelled_at"] <= trial:
            reasons["ended in trial"] += 1
        elif held(subscription) == timedelta(0):
            reasons["never held"] += 1
    assert reasons == {"free": 52, "ended in trial": 26, "never held": 3}


def test_one_deployment_for_each_running_subscription_and_two_for_one(sample: Sample) -> None:
    deployments = Counter(row["subscription_id"] for row in sample.deployments)
    running = {row["id"] for row in sample.subscriptions if row["status"] == "active"}
    assert set(deployments) == running
    assert Counter(deployments.values()) == {1: len(running) - 1, 2: 1}


def test_no_usage_window_straddles_a_month(sample: Sample) -> None:
    for row in sample.usage_records:
        start = row["window_start"].astimezone(ZONE)
        end = (row["window_end"] - timedelta(microseconds=1)).astimezone(ZONE)
        assert start.month == end.month
        assert row["window_end"] <= AS_OF
