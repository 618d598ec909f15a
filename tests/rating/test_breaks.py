"""A break is no plan change: all time on one plan within a period is one rating."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import Dbt, World, fresh_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

MAY = "service_period_start = '2026-05-01 04:00+00'"
# What a whole month of May costs: five seats at once, a package, a minimum, a first tier,
# a maximum, all units at one tier's price.
WHOLE = {
    "base": Decimal("31.00"),
    "seats": Decimal("50.00"),
    "packs": Decimal("100.00"),
    "least": Decimal("100.00"),
    "tiers": Decimal("140.00"),
    "quota": Decimal("60.00"),
    "most": Decimal("100.00"),
    "volume": Decimal("66.00"),
    "level": Decimal("7.00"),
    "users": Decimal("2.00"),
    "calls": Decimal("4.00"),
}
METRICS = {"seats": "max", "level": "last", "users": "unique", "calls": "count"}
CHARGES: dict[str, dict[str, Any]] = {
    "seats": {"unit_price": 10},
    "packs": {"charge_model": "package", "unit_price": 100, "package_size": 100},
    "least": {"unit_price": 1, "minimum": 100},
    "tiers": {"charge_model": "graduated"},
    "quota": {"unit_price": 1, "included_quantity": 100},
    "most": {"unit_price": 1, "maximum": 100},
    "volume": {"charge_model": "volume"},
    "level": {"unit_price": 1},
    "users": {"unit_price": 1},
    "calls": {"unit_price": 1},
}
EARLY, LATE = toronto(2026, 5, 3, 12), toronto(2026, 5, 20, 12)
# What is used before and after the break.
USED = {
    "seats": (5, 4), "packs": (60, 30), "least": (5, 5), "tiers": (5, 5),
    "quota": (80, 80), "most": (80, 80), "volume": (8, 8), "level": (9, 7), "calls": (1, 1),
}  # fmt: skip


def records(name: str, first: int) -> list[dict[str, Any]]:
    rows = [
        usage(first + 2 * number + late, name, quantity, at, metric=metric)
        for number, (metric, used) in enumerate(USED.items())
        for late, (quantity, at) in enumerate(zip(used, (EARLY, LATE), strict=True))
    ]
    # Ann before and after, Bob once; calls are counted, whatever they measure.
    keys = (("ann#1", EARLY), ("ann#2", LATE), ("bob#1", LATE))
    rows += [
        usage(first + 50 + number, name, 1, at, metric="users", idempotency_key=key)
        for number, (key, at) in enumerate(keys)
    ]
    return rows + [usage(first + 60 + n, name, 1, LATE, metric="calls") for n in range(2)]


def broken(world: World, proration: str) -> World:
    """On the 10th of May from 9 to 15: nothing, ended, suspended, on another plan, or twice."""
    world.policies = {"nexacloud": {"proration": proration, "bill_suspended": "false"}}
    metrics = [
        {"service": "nexacloud", "metric": name, "aggregation": METRICS.get(name, "sum")}
        for name in CHARGES
    ]
    world.seed("metrics", metrics)
    of_plan = {"service": "nexacloud", "plan_code": "a", "currency": "CAD"}
    world.seed("charges", [{**of_plan, "metric": name, **row} for name, row in CHARGES.items()])
    tier = {"service": "nexacloud", "plan_code": "a"}
    tiers = [{"tier_to": 10, "unit_price": 4, "flat_fee": 100}, {"unit_price": 1, "flat_fee": 50}]
    tiered = [{**tier, "charge": name, **row} for name in ("tiers", "volume") for row in tiers]
    world.seed("charge_tiers", tiered)
    names = ("whole", "resumed", "suspended", "switched")
    world.load("raw_nexacloud.plans", [plan("a", "31"), plan("b", "31")])
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(name, "a", toronto(2026, 4, 1)) for name in names],
    )
    used = [row for number, name in enumerate(names) for row in records(name, 100 * number)]
    world.load("raw_nexacloud.usage_records", used)
    world.rate(("nexacloud_subscription_history",))
    out, back = toronto(2026, 5, 10, 9), toronto(2026, 5, 10, 15)
    change(world, "resumed", out, cancelled_at=out, status="cancelled")
    change(world, "suspended", out, status="suspended")
    change(world, "switched", out, plan_id="b")
    world.rate(("nexacloud_subscription_history",))
    change(world, "resumed", back, cancelled_at=None, status="active", started_at=back)
    change(world, "suspended", back, status="active")
    change(world, "switched", back, plan_id="a")
    world.rate()
    return world


def change(world: World, name: str, at: datetime, **values: Any) -> None:
    world.change("raw_nexacloud.subscriptions", name, updated_at=at, **values)


def charged(world: World, name: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in world.lines(f"{MAY} and external_subscription_id = '{name}' and plan_code = 'a'"):
        found[line["charge"]] = found.get(line["charge"], Decimal(0)) + line["amount"]
    return found


def laws_hold(world: World) -> None:
    laws = (
        "assert_segments_share_their_period",
        "assert_periods_tile_time",
        "assert_every_usage_record_reaches_one_line_or_one_exception",
    )
    world.dbt.build(laws, {"as_of": world.as_of.isoformat()}, types=("test",))


def test_by_the_day_a_break_of_hours_changes_nothing(world: World) -> None:
    broken(world, "day")
    found = {name: charged(world, name) for name in ("whole", "resumed", "suspended", "switched")}
    assert found == dict.fromkeys(found, WHOLE)
    fractions = {line["fraction"] for line in world.lines(f"{MAY} and kind = 'base'")}
    assert fractions == {"31/31"}
    laws_hold(world)


@pytest.fixture(scope="module")
def by_the_second(cluster: Cluster, rating_dbt: Dbt) -> World:
    world = broken(fresh_world(cluster, rating_dbt), "second")
    laws_hold(world)
    return world


@pytest.mark.parametrize("name", ["resumed", "suspended", "switched"])
def test_by_the_second_only_the_share_of_the_month_is_less(by_the_second: World, name: str) -> None:
    world = by_the_second
    whole, held = 31 * 86400, 31 * 86400 - 6 * 3600
    share = Decimal(held) / Decimal(whole)
    found = charged(world, name)
    for charge in ("seats", "packs", "tiers", "volume", "level", "users", "calls"):
        assert found[charge] == WHOLE[charge], charge
    cents = Decimal("0.01")
    assert found["base"] == (31 * share).quantize(cents)
    assert found["least"] == found["most"] == (100 * share).quantize(cents)
    assert found["quota"] == (160 - 100 * share).quantize(cents)
    lines = world.lines(f"{MAY} and kind = 'base' and external_subscription_id = '{name}'")
    shares = {line["plan_code"]: line["fraction"] for line in lines}
    assert shares.pop("a") == f"{held}/{whole}"
    assert shares == ({"b": f"{6 * 3600}/{whole}"} if name == "switched" else {})
