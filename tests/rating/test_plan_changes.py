"""Upgrades and downgrades: each segment with its own plan and usage, the whole adding up."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import World

Amounts = dict[str, tuple[Decimal, str]]
QUOTA = {"included_cpu_seconds": 3100, "overage_price_per_cpu_second": "1"}


def switch(world: World, name: str, plan_id: str, at: datetime) -> None:
    world.change("raw_nexacloud.subscriptions", name, plan_id=plan_id, updated_at=at)


def rated(world: World, policy: str) -> World:
    """One switch at 15:00 on the 10th of May; one subscription that switches thrice in a day."""
    world.policies = {"nexacloud": {"proration": policy}}
    names = ("a", "b", "c", "d")
    plans = [plan("small", "62", **QUOTA), plan("large", "310", **QUOTA)]
    world.load("raw_nexacloud.plans", [*plans, *(plan(name, "100") for name in names)])
    subscriptions = [
        subscription("one", "small", toronto(2026, 3, 1)),
        subscription("thrice", "a", toronto(2026, 4, 1)),
        subscription("late", "small", toronto(2026, 5, 20)),
    ]
    world.load("raw_nexacloud.subscriptions", subscriptions)
    world.rate()
    switch(world, "one", "large", toronto(2026, 5, 10, 15))
    for hour, name in zip((8, 12, 20), names[1:], strict=True):
        switch(world, "thrice", name, toronto(2026, 5, 15, hour))
        world.rate(("nexacloud_subscription_history",))
    records = [
        usage(1, "one", 1000, toronto(2026, 5, 10) - timedelta(seconds=1)),
        usage(2, "one", 3000, toronto(2026, 5, 10, 9)),
        usage(3, "one", 10, toronto(2026, 5, 10, 16)),
    ]
    world.load("raw_nexacloud.usage_records", records)
    world.rate()
    return world


def amounts(world: World, name: str, kind: str, month: str = "2026-05") -> Amounts:
    lines = world.lines(
        f"external_subscription_id = '{name}' and kind = '{kind}'"
        f" and service_period_start = '{month}-01 04:00+00'"
    )
    return {line["plan_code"]: (line["amount"], line["fraction"]) for line in lines}


def shares_are_whole(world: World) -> bool:
    rows = world.query(
        "select subscription_id, sum(fraction_numerator) = max(fraction_denominator) as is_whole"
        " from intermediate.int_subscription_segments where period_start = '2026-05-01 04:00+00'"
        " and subscription_id <> 'nexacloud:late' group by subscription_id"
    )
    return len(rows) == 2 and all(row["is_whole"] for row in rows)


def test_by_the_day_the_switch_day_is_the_new_plans(world: World) -> None:
    rated(world, "day")
    assert amounts(world, "one", "base") == {
        "small": (Decimal("18.00"), "9/31"),
        "large": (Decimal("220.00"), "22/31"),
    }
    # 900 included before, 2200 after; the morning of the switch day is used under the new plan.
    assert amounts(world, "one", "usage") == {
        "small": (Decimal("100.00"), "9/31"),
        "large": (Decimal("810.00"), "22/31"),
    }
    assert amounts(world, "one", "base", "2026-04") == {"small": (Decimal("62.00"), "30/30")}
    assert amounts(world, "thrice", "base") == {
        "a": (Decimal("45.16"), "14/31"),
        "d": (Decimal("54.84"), "17/31"),
    }
    assert amounts(world, "late", "base") == {"small": (Decimal("24.00"), "12/31")}
    assert shares_are_whole(world)


def test_by_the_second_the_switch_is_where_it_is(world: World) -> None:
    rated(world, "second")
    whole, held = 31 * 86400, 9 * 86400 + 15 * 3600
    fractions = {code: share for code, (_, share) in amounts(world, "one", "base").items()}
    assert fractions == {"small": f"{held}/{whole}", "large": f"{whole - held}/{whole}"}
    used = {code: amount for code, (amount, _) in amounts(world, "one", "usage").items()}
    assert used == {"small": Decimal("3037.50")}
    assert set(amounts(world, "thrice", "base")) == {"a", "b", "c", "d"}
    assert shares_are_whole(world)


def test_without_proration_plans_share_the_month_and_a_part_costs_the_whole(world: World) -> None:
    rated(world, "none")
    assert amounts(world, "one", "base") == {
        "small": (Decimal("18.00"), "9/31"),
        "large": (Decimal("220.00"), "22/31"),
    }
    assert amounts(world, "late", "base") == {"small": (Decimal("62.00"), "12/12")}
    assert shares_are_whole(world)


@pytest.mark.parametrize("rule", ["calendar", "anniversary"])
def test_a_switch_to_a_yearly_plan_ends_the_month_and_begins_a_year(
    world: World, rule: str
) -> None:
    world.policies = {"nexacloud": {"period_rule": rule}}
    yearly = plan("yearly", "365", billing_interval="year")
    world.load("raw_nexacloud.plans", [plan("monthly", "31"), yearly])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "monthly", toronto(2026, 3, 5))])
    world.rate(("nexacloud_subscription_history",))
    switch(world, "s", "yearly", toronto(2026, 5, 20, 11))
    world.rate()
    begin, month, share = ANNIVERSARY if rule == "anniversary" else CALENDAR
    periods: list[dict[str, Any]] = world.query(
        "select period_type, period_start, period_end from intermediate.int_subscription_periods"
        " where period_end > '2026-05-06' order by period_type, period_start"
    )
    assert [tuple(period.values()) for period in periods][:3] == [
        ("all", begin, toronto(2026, 5, 20)),
        ("base", toronto(2026, 5, 20), month[0]),
        ("usage", toronto(2026, 5, 20), month[1]),
    ]
    lines = world.lines("service_period_end > '2026-05-06'")
    assert [(line["amount"], line["fraction"]) for line in lines] == share


def test_another_interval_on_the_first_day_is_the_only_one(world: World) -> None:
    """The switch day is the new plan's, and the subscription does not begin before itself."""
    yearly = plan("yearly", "365", billing_interval="year")
    world.load("raw_nexacloud.plans", [plan("monthly", "31"), yearly])
    world.load(
        "raw_nexacloud.subscriptions", [subscription("s", "monthly", toronto(2026, 5, 20, 9))]
    )
    world.rate(("nexacloud_subscription_history",))
    switch(world, "s", "yearly", toronto(2026, 5, 20, 15))
    world.rate()
    periods = world.query(
        "select period_type, period_start, period_end from intermediate.int_subscription_periods"
        " where period_start < '2026-05-30' order by period_type"
    )
    assert [tuple(period.values()) for period in periods] == [
        ("base", toronto(2026, 1, 1), toronto(2027, 1, 1)),
        ("usage", toronto(2026, 5, 1), toronto(2026, 6, 1)),
    ]
    lines = [(line["amount"], line["fraction"]) for line in world.lines()]
    assert lines == [(Decimal("226.00"), "226/365")]


ANNIVERSARY: Any = (
    toronto(2026, 5, 5),
    (toronto(2027, 5, 20), toronto(2026, 6, 20)),
    [(Decimal("15.00"), "15/31"), (Decimal("365.00"), "365/365")],
)
CALENDAR: Any = (
    toronto(2026, 5, 1),
    (toronto(2027, 1, 1), toronto(2026, 6, 1)),
    [(Decimal("19.00"), "19/31"), (Decimal("226.00"), "226/365")],
)
