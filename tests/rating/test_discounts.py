"""What is taken off: how much of which line, told with it, and what waits for a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import LINES, World

MAY = "service_period_start = '2026-05-01 04:00+00'"
SETUP = {"charge": "setup", "charge_model": "one_off", "base_fee": "99"}
UNITS = {"metric": "cpu_seconds", "unit_price": "0.333", "maximum": "40"}


def discount(**changes: Any) -> dict[str, Any]:
    return {
        "service": "nexacloud",
        "external_subscription_id": "s",
        "valid_from": "2026-05-01",
        "reason": "a hard start",
        "granted_by": "ann",
        **changes,
    }


def small_world(world: World, *discounts: dict[str, Any], **changes: Any) -> World:
    """May from the 17th on, 15 of 31 days: a fee of 31.00, a setup of 99.00, usage up to 40.00."""
    world.policies = {"nexacloud": {"proration": "day"}}
    named = {"service": "nexacloud", "plan_code": "p", "currency": "CAD"}
    world.load("raw_nexacloud.plans", [plan("p", "31", **changes)])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "p", toronto(2026, 5, 17))])
    world.load("raw_nexacloud.usage_records", [usage(1, "s", 10, toronto(2026, 5, 20))])
    world.seed("metrics", [{"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}])
    world.seed("charges", [{**named, **SETUP}, {**named, **UNITS}])
    world.seed("discounts", discounts)
    return world


AMOUNT = {"discount_amount": "10", "currency": "cad"}
CASES: dict[str, tuple[list[dict[str, Any]], tuple[str, str, str]]] = {
    # base, cpu_seconds, setup: 15.00, 3.33 and 99.00 without a discount.
    "a third of everything": ([{"discount_percent": "33.333"}], ("10.00", "2.22", "66.00")),
    "all of it": ([{"discount_percent": "100"}], ("0", "0", "0")),
    "an amount is prorated": ([{**AMOUNT, "charge": "base"}], ("10.16", "3.33", "99.00")),
    "never below zero": ([{**AMOUNT, "charge": "cpu_seconds"}], ("15.00", "0", "99.00")),
    "once is once": ([{**AMOUNT, "charge": "setup"}], ("15.00", "3.33", "89.00")),
    "one a charge": (
        [{"discount_percent": "50", "charge": "base"}, {**AMOUNT, "charge": "setup"}],
        ("7.50", "3.33", "89.00"),
    ),
    "it began too late": (
        [{"discount_percent": "50", "valid_from": "2026-05-18"}],
        ("15.00", "3.33", "99.00"),
    ),
    "it had ended": (
        [{"discount_percent": "50", "valid_to": "2026-05-17"}],
        ("15.00", "3.33", "99.00"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_discount_takes_off_what_it_says(world: World, name: str) -> None:
    rows, expected = CASES[name]
    small_world(world, *(discount(**row) for row in rows))
    world.rate()
    found = {line["charge"]: line["amount"] for line in world.lines(MAY)}
    assert found == {
        charge: Decimal(amount)
        for charge, amount in zip(("base", "cpu_seconds", "setup"), expected, strict=True)
        if Decimal(amount)
    }


def test_a_line_tells_its_discount_and_the_story_who_granted_it(world: World) -> None:
    small_world(world, discount(discount_percent="12.5", charge="base"))
    world.rate((*LINES, "+rpt_line_story"))
    [line] = world.lines(f"{MAY} and charge = 'base'")
    assert "12.5% off" in line["description"]
    assert "12.5% off" in line["rule"]
    # 15.00 less 1.875 is 13.125, half a cent up.
    assert (line["exact_amount"], line["amount"]) == (Decimal("13.125"), Decimal("13.13"))
    [story] = world.query(
        "select rounding from serving.rpt_line_story where line_key = %s", line["line_key"]
    )
    told = story["rounding"]
    assert told["discount_amount"] == "1.875"
    assert told["discount"] == {
        "percent": "12.5",
        "valid_from": "2026-05-01",
        "reason": "a hard start",
        "granted_by": "ann",
    }


def test_an_amount_in_another_currency_waits_for_a_person(world: World) -> None:
    small_world(world, discount(discount_amount="5", charge="base", currency="USD"))
    world.rate((*LINES, "+int_exceptions_subscriptions"))
    assert [line["charge"] for line in world.lines(MAY)] == ["cpu_seconds", "setup"]
    [held] = world.query("select * from intermediate.int_exceptions_subscriptions")
    assert (held["kind"], held["subscription_id"]) == ("price_unusable", "nexacloud:s")
    assert "discount in another currency" in held["description"]


def test_a_discount_that_is_granted_or_taken_back_late_is_an_adjustment(world: World) -> None:
    small_world(world)
    world.rate()
    world.publish(world.lines(MAY), "may")
    world.seed("discounts", [discount(discount_percent="10")])
    world.rate()
    adjusted = {line["charge"]: line["amount"] for line in world.lines("kind = 'adjustment'")}
    assert adjusted == {
        "base": Decimal("-1.50"),
        "cpu_seconds": Decimal("-0.33"),
        "setup": Decimal("-9.90"),
    }
    world.seed("discounts", [])
    world.rate()
    assert world.lines("kind = 'adjustment'") == []
