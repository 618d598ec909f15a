"""A gauge holds its value between readings, over the ends of months; a billed one is adjusted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import LINES, World

METRIC = "gb"
GAUGE = {"service": "nexacloud", "metric": METRIC, "aggregation": "time_weighted_hours"}
MARCH, APRIL, MAY = (toronto(2026, month, 1) for month in (3, 4, 5))


def small_world(world: World, readings: Iterable[tuple[datetime, int]], **held: Any) -> World:
    """A GB-hour costs 0.01; March has 743 hours in Toronto, April 720, May 744."""
    world.load("raw_nexacloud.plans", [plan("p")])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "p", MARCH, **held)])
    price = {"service": "nexacloud", "plan_code": "p", "metric": METRIC, "unit_price": "0.01"}
    world.seed("charges", [{**price, "currency": "CAD"}])
    world.seed("metrics", [GAUGE])
    read(world, 1, readings)
    return world


def read(world: World, first: int, readings: Iterable[tuple[datetime, int]]) -> None:
    rows = [usage(n, "s", gb, at, metric=METRIC) for n, (at, gb) in enumerate(readings, first)]
    world.load("raw_nexacloud.usage_records", rows)


def hours(world: World) -> dict[datetime, Decimal]:
    rows = world.query(
        "select * from intermediate.int_usage_by_segment where period_start < %s",
        toronto(2026, 6, 1),
    )
    return {row["segment_start"]: row["used_quantity"] for row in rows}


def test_a_month_without_a_reading_has_what_it_began_with(world: World) -> None:
    """And a late reading of April is an adjustment of April and of May."""
    small_world(world, [(toronto(2026, 4, 11), 10)])
    world.rate((*LINES, "+rpt_line_story"))
    assert hours(world) == {APRIL: Decimal(10 * 480), MAY: Decimal(10 * 744)}
    may = world.lines("service_period_start = '2026-05-01 04:00+00'")
    assert [line["amount"] for line in may] == [Decimal("74.40")]
    [story] = world.query(
        "select usage_counted from serving.rpt_line_story where line_key = %s", may[0]["line_key"]
    )
    assert story["usage_counted"]["records"] == 0
    carried = story["usage_counted"]["carried_in"]
    assert (carried["usage"], carried["quantity"]) == ("nexacloud:1", "10")
    world.publish(world.lines("service_period_start < '2026-06-01'"), "closed")
    read(world, 2, [(toronto(2026, 4, 21), 20)])
    world.rate()
    late = {
        line["corrects_period_start"]: line["amount"] for line in world.lines("kind = 'adjustment'")
    }
    assert late == {APRIL: Decimal("24.00"), MAY: Decimal("74.40")}


def test_a_reading_of_no_held_time_sets_nothing_and_is_told(world: World) -> None:
    readings = [(toronto(2026, 2, 20), 100), (toronto(2026, 3, 2), 1), (toronto(2026, 4, 12), 50)]
    end = toronto(2026, 4, 11)
    small_world(world, readings, status="cancelled", cancelled_at=end)
    world.rate()
    assert hours(world) == {MARCH: Decimal(719), APRIL: Decimal(240)}
    told = world.query("select usage_key, reason from marts.fct_usage_exceptions order by 1")
    assert [row["reason"] for row in told] == ["before_start", "after_end"]


def test_what_was_summed_before_is_no_reading(world: World) -> None:
    """A metric that is a gauge from May on begins May with nothing."""
    small_world(world, [(toronto(2026, 4, 11), 10), (toronto(2026, 5, 31), 2)])
    world.seed("metrics", [{**GAUGE, "aggregation": "sum"}, {**GAUGE, "valid_from": "2026-05-01"}])
    world.rate()
    assert hours(world) == {APRIL: Decimal(10), MAY: Decimal(48)}
