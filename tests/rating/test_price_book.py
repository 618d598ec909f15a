"""A price book is edited by hand: what cannot be rated is told before anything is rated by it."""

from __future__ import annotations

from typing import Any

import pytest
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import DbtFailed, World

LAW = "assert_the_price_book_can_be_rated"
BOOK = ("+int_price_book", "+int_metrics")
MISTAKES: dict[str, list[dict[str, Any]]] = {
    "a metric that nobody defined": [{"metric": "unheard", "unit_price": 1}],
    "two base fees": [
        {"base_fee": 5},
        {"metric": "cpu_seconds", "unit_price": 1, "base_fee": 7},
    ],
    "a charge under its name and under its metric": [
        {"charge": "cpu_seconds", "metric": "cpu_seconds", "unit_price": 1},
        {"metric": "cpu_seconds", "unit_price": 2},
    ],
    "two prices of which one begins before the other ends": [
        {"base_fee": 5, "valid_to": "2026-05-02"},
        {"base_fee": 7, "valid_from": "2026-05-01"},
    ],
    "a metric on a fee that is charged once": [
        {"base_fee": 5, "metric": "cpu_seconds", "unit_price": 1, "charge_model": "one_off"}
    ],
}


def judge(world: World, rows: list[dict[str, Any]]) -> None:
    named = {"service": "nexacloud", "plan_code": "p", "currency": "CAD"}
    world.seed("metrics", [{"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}])
    world.seed("charges", [{**named, **row} for row in rows])
    world.rate(BOOK)
    world.dbt.build([LAW], {}, types=("test",))


@pytest.mark.parametrize("rows", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_book_that_would_lose_money_is_refused(world: World, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(DbtFailed, match=LAW):
        judge(world, rows)


def test_prices_that_follow_each_other_are_a_book(world: World) -> None:
    follow = [
        {"base_fee": 5, "valid_to": "2026-05-01"},
        {"base_fee": 7, "valid_from": "2026-05-01"},
        {"metric": "cpu_seconds", "unit_price": 1},
    ]
    judge(world, follow)


def test_usage_that_nobody_knows_how_to_add_up_is_an_exception(world: World) -> None:
    """Odoo may define a metric by an aggregation of its own: a quantity of zero would be a gift."""
    world.load(
        "raw_odoo.fusion_billing_metric",
        [{"id": 1, "code": "odd", "name": "odd", "aggregation": "weighted_sum"}],
    )
    world.load("raw_nexacloud.plans", [plan("p")])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "p", toronto(2026, 5, 1))])
    world.seed(
        "charges",
        [
            {"service": "nexacloud", "plan_code": "p", "metric": "odd", "unit_price": 1}
            | {"currency": "CAD"}
        ],
    )
    world.load("raw_nexacloud.usage_records", [usage(1, "s", 5, toronto(2026, 5, 3), metric="odd")])
    world.rate()
    found = world.query("select reason, severity from marts.fct_usage_exceptions")
    assert found == [{"reason": "unknown_aggregation", "severity": "error"}]
    law = "assert_every_usage_record_reaches_one_line_or_one_exception"
    world.dbt.build([law], {"as_of": world.as_of.isoformat()}, types=("test",))
