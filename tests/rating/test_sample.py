"""The first real dual run: what April must rate to, under both policies."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from rating_world import World

from sandbox.sample import build_sample

APRIL = "service_period_start = '2026-04-01 04:00+00'"


@pytest.fixture
def sampled(world: World) -> World:
    for table, rows in build_sample().tables().items():
        world.load(f"raw_nexacloud.{table}", rows)
    return world


def totals(world: World) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in world.lines(APRIL):
        found[line["external_subscription_id"]] += line["amount"]
    return found


def invoiced() -> dict[str, Decimal]:
    rows = build_sample().invoices
    return {
        row["subscription_id"]: row["subtotal"]
        for row in rows
        if row["subscription_id"] and row["status"] in ("open", "paid")
    }


def test_by_the_second_april_is_what_the_app_invoiced(sampled: World) -> None:
    sampled.policies = {"nexacloud": {"proration": "second"}}
    sampled.rate()
    assert totals(sampled) == invoiced()
    assert sorted(invoiced().values()) == [
        *[Decimal("9.17")] * 4,
        Decimal("98.30"),
        Decimal("120.00"),
    ]


def test_by_the_day_two_match_and_four_begin_near_the_end(sampled: World) -> None:
    sampled.rate()
    amounts = sorted(totals(sampled).values())
    assert amounts == [
        *[Decimal("10.00")] * 2,
        *[Decimal("13.33")] * 2,
        Decimal("98.30"),
        Decimal("120.00"),
    ]
    same = [key for key, amount in totals(sampled).items() if amount == invoiced()[key]]
    assert len(same) == 2


def test_the_other_eighty_one_cost_nothing(sampled: World) -> None:
    sampled.rate()
    rated = sampled.query(
        "select count(distinct subscription_id) as n from intermediate.int_rated_lines"
    )
    assert rated[0]["n"] > 6
    assert len({line["subscription_id"] for line in sampled.lines()}) == 6


def test_a_repeated_key_of_may_is_counted_once(sampled: World) -> None:
    sampled.rate()
    left_out = sampled.query("select reason from marts.fct_usage_exceptions")
    assert [row["reason"] for row in left_out] == ["duplicate"] * len(left_out)
    records = build_sample().usage_records
    keys = [(row["subscription_id"], row["idempotency_key"]) for row in records]
    assert len(left_out) == len(keys) - len(set(keys)) > 0
