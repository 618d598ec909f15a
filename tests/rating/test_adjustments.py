"""History is not rewritten: what changes after it was billed comes as an adjustment, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import LINES, Dbt, World, fresh_world, kept_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

APRIL = toronto(2026, 4, 1)
NEW = "line_key not in (select line_key from ops.publication_lines where released_at is null)"


def small_world(world: World) -> World:
    """April: 31.00 a month and 0.10 a second; `gone` will be deleted, `cheap` will cost less."""
    terms = {"overage_price_per_cpu_second": "0.1"}
    world.load("raw_nexacloud.plans", [plan("p", "31", **terms), plan("q", "100", **terms)])
    names = (("late", "p"), ("gone", "p"), ("cheap", "q"), ("part", "p"))
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(name, plan_id, toronto(2026, 3, 1)) for name, plan_id in names],
    )
    world.load("raw_nexacloud.usage_records", [usage(1, "late", 100, toronto(2026, 4, 10))])
    return world


@pytest.fixture(scope="module")
def rated_once(cluster: Cluster, rating_dbt: Dbt) -> Callable[[], World]:
    world = small_world(fresh_world(cluster, rating_dbt))
    world.rate()
    return kept_world(cluster, world, "april_rated")


@pytest.fixture
def rated(rated_once: Callable[[], World]) -> World:
    """The small world, rated once for all tests; nothing of it is billed yet."""
    return rated_once()


def april(world: World, condition: str = "true") -> list[dict[str, Any]]:
    return world.lines(f"service_period_start = '2026-04-01 04:00+00' and {condition}")


def new_lines(world: World) -> dict[tuple[str, str, str], Decimal]:
    return {
        (line["external_subscription_id"], line["charge"], line["kind"]): line["amount"]
        for line in april(world, NEW)
    }


def total(world: World, name: str) -> Decimal:
    lines = april(world, f"external_subscription_id = '{name}'")
    return sum((line["amount"] for line in lines), Decimal(0))


def test_a_billed_month_is_only_ever_adjusted(rated: World) -> None:
    world = rated
    assert new_lines(world)[("late", "cpu_seconds", "usage")] == Decimal("10.00")
    billed = april(world, "external_subscription_id <> 'part'")
    world.publish(billed, "april")

    # Nothing new: nothing to bill. The lines stand as they were billed, word for word.
    world.rate()
    assert new_lines(world) == {("part", "base", "base"): Decimal("31.00")}
    frozen = {line["line_key"]: line for line in april(world)}
    in_the_ledger = {"is_billable": True, "partner_id": 1, "tax_ids": []}
    for line in billed:
        assert frozen[line["line_key"]] == line | in_the_ledger

    # Late usage, a corrected price, usage of what is not billed yet; and a subscription that its
    # source deleted, which was held in April all the same.
    world.load(
        "raw_nexacloud.usage_records",
        [usage(2, "late", 50, toronto(2026, 4, 20)), usage(3, "part", 7, toronto(2026, 4, 20))],
    )
    world.seed(
        "charges",
        [{"service": "nexacloud", "plan_code": "q", "currency": "CAD", "base_fee": "80"}],
    )
    world.change("raw_nexacloud.subscriptions", "gone", _deleted_at=world.loaded_at)
    world.rate()
    assert new_lines(world) == {
        ("late", "cpu_seconds", "adjustment"): Decimal("5.00"),
        ("cheap", "base", "adjustment"): Decimal("-20.00"),
        ("part", "base", "base"): Decimal("31.00"),
        ("part", "cpu_seconds", "usage"): Decimal("0.70"),
    }
    adjustments = april(world, f"kind = 'adjustment' and {NEW}")
    assert {line["adjustment_number"] for line in adjustments} == {1}
    assumed = {line["charge"]: line["assumed_billed_amount"] for line in adjustments}
    assert assumed == {"cpu_seconds": Decimal("10.00"), "base": Decimal("100.00")}
    assert {line["corrects_period_start"] for line in adjustments} == {APRIL}
    assert {line["billing_period_start"] for line in adjustments} == {toronto(2026, 6, 1)}
    assert all(line["is_billable"] for line in adjustments)
    assert total(world, "gone") == Decimal("31.00")

    # The adjustment is billed too, and then more usage comes: the second adjustment counts on.
    world.publish(adjustments, "adjustments")
    world.load("raw_nexacloud.usage_records", [usage(4, "late", 10, toronto(2026, 4, 21))])
    world.rate()
    second = april(world, f"kind = 'adjustment' and {NEW}")
    told = ("amount", "adjustment_number", "assumed_billed_amount", "assumed_adjustment_number")
    assert [tuple(line[name] for name in told) for line in second] == [
        (Decimal("1.00"), 2, Decimal("15.00"), 1)
    ]
    assert total(world, "late") == Decimal("47.00")

    # A document that a person released gives its lines back.
    of_it = "where document_key = 'adjustments'"
    world.execute(f"update ops.publications set state = 'released' {of_it}")
    world.execute(f"update ops.publication_lines set released_at = now() {of_it}")
    world.rate()
    assert new_lines(world)[("late", "cpu_seconds", "adjustment")] == Decimal("6.00")
    assert total(world, "gone") == Decimal("31.00")


def test_a_credit_is_no_reason_to_bill_again(rated: World) -> None:
    world = rated
    base = april(world, "external_subscription_id = 'late' and kind = 'base'")
    world.publish(base, "april")
    credit = {**base[0], "line_key": "credit", "kind": "credit", "amount": Decimal("-31.00")}
    world.publish([{**credit, "corrects_period_start": APRIL}], "credit")
    world.rate()
    assert ("late", "base", "adjustment") not in new_lines(world)
    kinds = [line["kind"] for line in april(world, "external_subscription_id = 'late'")]
    assert sorted(kinds) == ["base", "credit", "usage"]


def test_a_switch_that_shows_late_is_one_adjustment_of_the_fee(rated: World) -> None:
    world = rated
    world.publish(april(world, "external_subscription_id = 'part'"), "april")
    switched_at: datetime = toronto(2026, 4, 16)
    world.change("raw_nexacloud.subscriptions", "part", plan_id="q", updated_at=switched_at)
    world.rate()
    part = {key: amount for key, amount in new_lines(world).items() if key[0] == "part"}
    # 15 of 30 days of 31.00 and of 100.00, instead of 31.00.
    assert part == {("part", "base", "adjustment"): Decimal("34.50")}
    assert total(world, "part") == Decimal("65.50")


BILLED_TO = {
    "partner_id": 7,
    "customer_name": "Whom April was invoiced to",
    "product_id": 5,
    "product_code": "HOSTING",
    "tax_ids": [13],
    "tax_components": [{"tax_id": 13, "rate": "13"}],
}


def test_a_correction_goes_where_the_invoice_went(rated: World) -> None:
    """Whoever holds the subscription today, wherever the customer lives now."""
    world = rated
    lines = april(world, "external_subscription_id = 'late'")
    world.publish([{**line, **BILLED_TO} for line in lines], "april")
    moved_at: datetime = toronto(2026, 6, 2, 10)
    world.change("raw_nexacloud.subscriptions", "late", user_id="u2", updated_at=moved_at)
    world.load("raw_nexacloud.usage_records", [usage(2, "late", 50, toronto(2026, 4, 20))])
    world.rate()
    [adjustment] = april(world, "kind = 'adjustment'")
    assert adjustment["amount"] == Decimal("5.00")
    assert adjustment["external_customer_id"] == "u1"
    assert {name: adjustment[name] for name in BILLED_TO} == BILLED_TO


EXCEPTIONS = (*LINES, "int_exceptions_billed")
POLICY = "policy_changed_over_billed_time"


def exceptions(world: World) -> list[dict[str, Any]]:
    return world.query("select * from intermediate.int_exceptions_billed order by subject")


def policies_changed(world: World) -> list[dict[str, Any]]:
    return [row for row in exceptions(world) if row["kind"] == POLICY]


def test_boundaries_that_moved_bill_nothing_again_and_give_nothing_back(rated: World) -> None:
    world = rated
    billed = april(world, "external_subscription_id <> 'part'")
    world.publish(billed, "april")
    world.policies = {"nexacloud": {"timezone": "America/Vancouver"}}
    world.rate(EXCEPTIONS)
    moved = world.lines(
        f"external_subscription_id <> 'part' and {NEW} and charge = 'base'"
        " and service_period_end > '2026-04-01 04:00+00' and service_period_start < '2026-05-01'"
    )
    assert moved == []
    assert [line for line in world.lines(NEW) if line["kind"] == "adjustment"] == []
    held = [row for row in exceptions(world) if row["kind"] != POLICY]
    assert {row["kind"] for row in held} == {"service_time_billed_otherwise"}
    assert {row["subscription_id"] for row in held} == {
        f"nexacloud:{name}" for name in ("late", "gone", "cheap")
    }
    one = next(row for row in held if row["subject"].startswith("nexacloud:gone base"))
    assert "2026-04-01T04:00:00Z to 2026-05-01T04:00:00Z (april)" in one["description"]
    assert "2026-04-01T07:00:00Z to 2026-05-01T07:00:00Z" in one["description"]
    # What nobody has billed moves with its rule.
    assert world.lines("external_subscription_id = 'part' and charge = 'base'")

    [policy] = policies_changed(world)
    for said in ("timezone was America/Toronto", "America/Vancouver now", "valid_from", "april"):
        assert said in policy["description"]

    # The old rule is back: as if nothing had been.
    world.policies = {}
    world.rate(EXCEPTIONS)
    assert exceptions(world) == []
    assert new_lines(world) == {("part", "base", "base"): Decimal("31.00")}


def test_a_policy_with_its_day_is_no_change_of_what_is_billed(world: World) -> None:
    policy: dict[str, Any] = {
        **{"service": "nexacloud", "timezone": "America/Toronto", "period_rule": "calendar"},
        **{"proration": "day", "duplicate_policy": "first", "bill_suspended": True},
        **{"usage_grace": "2 days", "tolerance": "0.01", "dunning_grace_days": 7},
    }
    metric = {"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}
    day = {"valid_from": date(2026, 5, 1)}
    world.seed("services", [policy])
    world.seed("metrics", [metric])
    small_world(world).rate()
    world.publish(april(world), "april")
    world.seed("services", [policy, {**policy, **day, "proration": "second"}])
    world.seed("metrics", [metric, {**metric, **day, "aggregation": "max"}])
    world.rate(EXCEPTIONS, full_refresh=True)
    assert exceptions(world) == []
    assert new_lines(world) == {}
    may = world.lines("service_period_start = '2026-05-01 04:00+00'")
    assert {line["policies"]["proration"] for line in may} == {"second"}

    # Without its day it is one, of each policy by name.
    world.seed("services", [{**policy, "proration": "second"}])
    world.seed("metrics", [{**metric, "aggregation": "max"}])
    world.rate(EXCEPTIONS, full_refresh=True)
    changed = [row["subject"] for row in policies_changed(world)]
    assert changed == ["aggregation of cpu_seconds sum max", "proration day second"]


def test_an_adjustment_between_two_partners_waits_for_a_person(rated: World) -> None:
    world = rated
    world.change(
        "raw_nexacloud.subscriptions", "part", plan_id="q", updated_at=toronto(2026, 4, 16)
    )
    world.rate()
    first, second = april(world, "external_subscription_id = 'part' and kind = 'base'")
    world.publish([{**first, "partner_id": 1}], "one")
    world.publish([{**second, "partner_id": 2}], "two")
    world.seed(
        "charges",
        [{"service": "nexacloud", "plan_code": "q", "currency": "CAD", "base_fee": "80"}],
    )
    world.rate(EXCEPTIONS)
    [row] = exceptions(world)
    assert (row["kind"], row["subscription_id"]) == (
        "adjustment_between_partners",
        "nexacloud:part",
    )
    assert "partners 1, 2" in row["description"]


def test_what_a_person_gave_back_is_not_given_back_again(rated: World) -> None:
    world = rated
    [base] = april(world, "external_subscription_id = 'gone'")
    world.publish([base], "april")
    credit = {**base, "line_key": "credit", "kind": "credit", "amount": Decimal("-20.00")}
    world.publish([{**credit, "corrects_period_start": APRIL}], "credit")
    ended = {"status": "cancelled", "cancelled_at": toronto(2026, 3, 31)}
    world.change("raw_nexacloud.subscriptions", "gone", **ended, updated_at=toronto(2026, 5, 9))
    world.rate()
    assert new_lines(world)[("gone", "base", "adjustment")] == Decimal("-11.00")


def test_one_month_in_two_currencies_has_two_adjustments(world: World) -> None:
    """Both correct the base fee of April; their keys must differ, or each is offered twice."""
    world.load("raw_nexacloud.plans", [plan("a", "30"), plan("b", "3000", currency="JPY")])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "a", toronto(2026, 4, 1))])
    world.rate(("nexacloud_subscription_history",))
    world.change("raw_nexacloud.subscriptions", "s", plan_id="b", updated_at=toronto(2026, 4, 16))
    world.rate()
    world.publish(april(world), "april")
    book = [("a", "CAD", "60"), ("b", "JPY", "6000")]
    names = ("service", "plan_code", "currency", "base_fee")
    world.seed("charges", [dict(zip(names, ("nexacloud", *row), strict=True)) for row in book])
    world.rate()
    new = april(world, f"kind = 'adjustment' and {NEW}")
    assert sorted((line["currency"], line["amount"]) for line in new) == [
        ("CAD", Decimal("15.00")),
        ("JPY", Decimal("1500")),
    ]
    assert len({line["line_key"] for line in new}) == 2
