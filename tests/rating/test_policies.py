"""A policy counts from the first period of its own rule that begins at or after its day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import LINES, Dbt, World, fresh_world, kept_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

Row = dict[str, Any]
NEW = "line_key not in (select line_key from ops.publication_lines)"
LAWS = ("assert_segments_share_their_period", "assert_periods_tile_time")
POLICY: Row = {
    "service": "nexacloud",
    "timezone": "America/Toronto",
    "period_rule": "calendar",
    "proration": "day",
    "duplicate_policy": "first",
    "bill_suspended": True,
    "usage_grace": "2 days",
    "tolerance": "0.01",
    "dunning_grace_days": 7,
}


def billed(world: World) -> World:
    """April and May are published by the first row."""
    world.as_of = datetime(2026, 7, 20, 12, tzinfo=UTC)
    world.seed("services", [POLICY])
    world.seed("metrics", [{"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}])
    plans = [plan("p", "30", overage_price_per_cpu_second="1"), plan("q", "60")]
    world.load("raw_nexacloud.plans", [*plans, plan("year", "365", billing_interval="year")])
    world.load(
        "raw_nexacloud.subscriptions",
        [
            subscription("month", "p", toronto(2026, 4, 15)),
            subscription("part", "p", toronto(2026, 6, 16)),
            subscription("year", "year", toronto(2026, 1, 10)),
        ],
    )
    repeated = {"idempotency_key": "twice"}
    world.load(
        "raw_nexacloud.usage_records",
        [
            usage(1, "month", 3, toronto(2026, 5, 10), **repeated),
            usage(2, "month", 5, toronto(2026, 5, 11), **repeated),
            usage(3, "month", 3, toronto(2026, 6, 10), **{"idempotency_key": "again"}),
            usage(4, "month", 5, toronto(2026, 6, 11), **{"idempotency_key": "again"}),
        ],
    )
    world.rate()
    world.publish(world.lines("service_period_end <= '2026-06-01 04:00+00'"), "may")
    return world


def changed(world: World, **policy: Any) -> World:
    """The second row counts from the 1st of June on."""
    billed(world)
    world.seed("services", [POLICY, {**POLICY, "valid_from": date(2026, 6, 1), **policy}])
    world.rate(full_refresh=True)
    world.dbt.build(LAWS, {"as_of": world.as_of.isoformat()}, types=("test",))
    return world


def periods(world: World, name: str, period_type: str = "all") -> list[tuple[datetime, datetime]]:
    rows = world.query(
        "select period_start, period_end from intermediate.int_subscription_periods"
        " where subscription_id = %s and period_type = %s order by 1",
        f"nexacloud:{name}",
        period_type,
    )
    return [(row["period_start"], row["period_end"]) for row in rows]


def fees(world: World, name: str) -> list[tuple[Decimal, str]]:
    lines = world.lines(f"external_subscription_id = '{name}' and kind = 'base'")
    return [(line["amount"], line["fraction"]) for line in lines]


def nothing_published_is_touched(world: World) -> bool:
    return world.lines(f"service_period_start < '2026-06-01 00:00+00' and {NEW} and amount <> 0"
                       " and external_subscription_id <> 'year'") == []  # fmt: skip


def pacific(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 7, tzinfo=UTC)


@pytest.mark.parametrize("proration", ["day", "second"])
def test_another_zone_makes_one_month_longer_and_no_stub(world: World, proration: str) -> None:
    world.policies = {"nexacloud": {"proration": proration}}
    changed(world, timezone="America/Los_Angeles")
    assert nothing_published_is_touched(world)
    assert periods(world, "month") == [
        (toronto(2026, 4, 1), toronto(2026, 5, 1)),
        (toronto(2026, 5, 1), pacific(6, 1)),
        (pacific(6, 1), pacific(7, 1)),
        (pacific(7, 1), pacific(8, 1)),
    ]
    assert [amount for amount, _ in fees(world, "month")][1:] == [Decimal("30.00")] * 3
    assert periods(world, "year", "base") == [
        (toronto(2026, 1, 1), datetime(2027, 1, 1, 8, tzinfo=UTC))
    ]
    assert periods(world, "year", "usage")[4:6] == [
        (toronto(2026, 5, 1), pacific(6, 1)),
        (pacific(6, 1), pacific(7, 1)),
    ]


def test_another_period_rule_cuts_the_old_period_once(world: World) -> None:
    changed(world, period_rule="anniversary")
    assert nothing_published_is_touched(world)
    assert periods(world, "month")[1:] == [
        (toronto(2026, 5, 1), toronto(2026, 6, 1)),
        (toronto(2026, 6, 1), toronto(2026, 6, 15)),
        (toronto(2026, 6, 15), toronto(2026, 7, 15)),
        (toronto(2026, 7, 15), toronto(2026, 8, 15)),
    ]
    assert fees(world, "month")[2:] == [
        (Decimal("14.00"), "14/30"),
        (Decimal("30.00"), "30/30"),
        (Decimal("30.00"), "31/31"),
    ]
    # Who begins under the new rule has no other.
    assert periods(world, "part")[0] == (toronto(2026, 6, 16), toronto(2026, 7, 16))


def test_proration_duplicates_and_suspension_count_by_their_own_days(world: World) -> None:
    changed(world, proration="none", duplicate_policy="last", usage_grace="9 days")
    assert nothing_published_is_touched(world)
    assert fees(world, "month")[0] == (Decimal("16.00"), "16/30")
    assert fees(world, "part")[0] == (Decimal("30.00"), "15/15")
    used = world.lines("kind = 'usage' and external_subscription_id = 'month'")
    assert [line["amount"] for line in used] == [Decimal("3.00"), Decimal("5.00")]
    # What has no day of its own comes from the newest row: the grace of June is over on the 10th.
    graces = world.query("select usage_grace::text as grace from intermediate.int_services")
    assert graces == [{"grace": "9 days"}]


def test_suspension_and_aggregation_are_dated_too(world: World) -> None:
    world.as_of = datetime(2026, 7, 20, 12, tzinfo=UTC)
    world.seed("services", [POLICY, {**POLICY, "valid_from": date(2026, 6, 1)}])
    world.execute("update staging.services set bill_suspended = valid_from is null")
    metric = {"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}
    dated = {**metric, "aggregation": "max", "valid_from": date(2026, 5, 15)}
    world.seed("metrics", [metric, dated])
    world.load("raw_nexacloud.plans", [plan("p", "30", overage_price_per_cpu_second="1")])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "p", toronto(2026, 4, 1))])
    days = ((5, 20), (5, 21), (6, 20), (6, 21))
    world.load(
        "raw_nexacloud.usage_records",
        [usage(n, "s", n, toronto(2026, month, day)) for n, (month, day) in enumerate(days, 1)],
    )
    world.rate(("nexacloud_subscription_history",))
    for status, month, day in (
        ("suspended", 5, 11), ("active", 5, 16), ("suspended", 6, 11), ("active", 6, 16),
    ):  # fmt: skip
        at = toronto(2026, month, day)
        world.change("raw_nexacloud.subscriptions", "s", status=status, updated_at=at)
        world.rate(("nexacloud_subscription_history",))
    world.rate()
    found = {
        (line["kind"], line["service_period_start"].month): (line["amount"], line["fraction"])
        for line in world.lines("service_period_start < '2026-07-01 00:00+00'")
    }
    assert found == {
        ("base", 4): (Decimal("30.00"), "30/30"),
        ("base", 5): (Decimal("30.00"), "31/31"),
        ("base", 6): (Decimal("25.00"), "25/30"),
        # The sum of May, the greatest of June: the aggregation that was in force as it began.
        ("usage", 5): (Decimal("3.00"), "31/31"),
        ("usage", 6): (Decimal("4.00"), "25/30"),
    }
    world.dbt.build(LAWS, {"as_of": world.as_of.isoformat()}, types=("test",))


@pytest.fixture(scope="module")
def billed_once(cluster: Cluster, rating_dbt: Dbt) -> Callable[[], World]:
    world = billed(fresh_world(cluster, rating_dbt))
    return kept_world(cluster, world, "billed_by_a_policy")


WITHOUT_A_DAY = {
    "period_rule": "anniversary",
    "bill_suspended": False,
    "duplicate_policy": "last",
}


@pytest.mark.parametrize("policy", WITHOUT_A_DAY)
def test_a_policy_that_changes_without_a_day_is_told_and_bills_nothing_again(
    billed_once: Callable[[], World], policy: str
) -> None:
    world = billed_once()
    world.seed("services", [{**POLICY, policy: WITHOUT_A_DAY[policy]}])
    world.rate((*LINES, "int_exceptions_billed"), full_refresh=True)
    told = world.query("select * from intermediate.int_exceptions_billed")
    changes = [row for row in told if row["kind"] == "policy_changed_over_billed_time"]
    assert [row["subject"].split()[0] for row in changes] == [policy]
    # Billed from the 15th of April to the 31st of May: no ordinary line reaches into that time.
    again = "external_subscription_id = 'month' and service_period_start < '2026-06-01 04:00+00'"
    assert world.lines(f"{again} and {NEW} and kind <> 'adjustment'") == []
    moved = {row["subject"].rsplit(" ", 1)[0] for row in told if row not in changes}
    if policy == "period_rule":
        assert world.lines(f"{again} and {NEW}") == []
        assert moved == {"nexacloud:month base", "nexacloud:month cpu_seconds"}
    else:
        assert moved == set()
