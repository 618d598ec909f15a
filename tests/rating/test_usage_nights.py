"""Nights of usage from two sources: what is kept from night to night is what there is.

Records arrive late and twice, are edited, moved, withdrawn and brought back; nights break, and
loads come in their middle. What the models keep is compared with a count of the raw rows in Python,
and with a full refresh.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nexacloud_rows import toronto, usage
from rating_world import World

Row = dict[str, Any]
LEFT_OUT, SLICES = "intermediate.int_usage_left_out", "intermediate.int_usage_by_slice"
APP, ODOO = "raw_nexacloud.usage_records", "raw_odoo.fusion_billing_usage"
NIGHT = ("int_usage_watermarks", "int_usage_left_out", "int_usage_by_slice")
METRICS = ("cpu_seconds", "latest", "people", "gauge", "bandwidth", None)
AGGREGATIONS = ("sum", "last", "unique", "time_weighted_hours", "percentile_95")
ZONE = ZoneInfo("America/Toronto")


def rollup(number: int, quantity: int, at: datetime, key: str) -> Row:
    return {
        "id": number,
        "service_id": 1,
        "external_subscription_id": "desk-1",
        "metric_id": 1,
        "period_start": at,
        "period_end": at,
        "quantity": quantity,
        "idempotency_key": key,
        "write_date": at,
    }


class Sources:
    """Two sources whose records change at random, and what the raw tables say of them."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.draw, self.numbers = world, random.Random(seed), {APP: 0, ODOO: 0}

    def at(self) -> datetime:
        # A day at the end of a month, in which a slice ends, is as likely as nine others.
        if self.draw.random() < 0.1:
            return toronto(2026, 5, 1) + timedelta(seconds=self.draw.choice((-1, 0, 1)))
        return toronto(2026, 3, 20) + timedelta(minutes=self.draw.randrange(60 * 24 * 60))

    def facts(self) -> Row:
        return {
            "subscription_id": self.draw.choice(("a", "b", "c", "d", None)),
            "metric": self.draw.choice(METRICS),
            "quantity": self.draw.randrange(1, 100),
            "window_start": self.at(),
            "idempotency_key": self.draw.choice((None, "x", "y#1", "y#2", "z", "w")),
        }

    def arrive(self, table: str, count: int) -> None:
        first = self.numbers[table] + 1
        self.numbers[table] += count
        numbers = range(first, first + count)
        if table == APP:
            rows = [
                {**usage(n, "a", 1, self.at()), **self.facts(), "created_at": self.at()}
                for n in numbers
            ]
        else:
            rows = [
                rollup(n, self.draw.randrange(9), self.at(), self.draw.choice("kl"))
                for n in numbers
            ]
        self.world.load(table, rows)

    def change(self, table: str) -> None:
        number = self.draw.randrange(1, self.numbers[table] + 1)
        if self.draw.random() < 0.3:
            gone = self.draw.choice((self.world.loaded_at, None))
            self.world.change(table, number, _deleted_at=gone)
        elif table == APP:
            facts = self.facts()
            some = self.draw.sample(sorted(facts), self.draw.randrange(1, 4))
            self.world.change(table, number, _deleted_at=None, **{n: facts[n] for n in some})
        else:
            place = {"period_start": self.at(), "quantity": self.draw.randrange(9)}
            self.world.change(table, number, **place, idempotency_key=self.draw.choice("kl"))

    def live_through_a_load(self) -> None:
        for table, most in ((APP, 12), (ODOO, 3)):
            if self.draw.random() < 0.8:
                self.arrive(table, self.draw.randrange(1, most))
            for _ in range(self.draw.randrange(4) if self.numbers[table] else 0):
                self.change(table)
        self.world.next_load()


def slice_of(at: datetime) -> date:
    day = at.astimezone(ZONE).date()
    return day - timedelta(days=(day.day - 1) % 8)


def recounted(world: World, policy: str) -> dict[tuple[str, str, date], tuple[int, Decimal]]:
    """Records and quantity by subscription, metric and slice, by reading every raw row."""
    rows = world.query(
        f"select 'nexacloud:' || coalesce(subscription_id, '') as subscription, id, quantity,"
        f" coalesce(metric, '') as metric, window_start as at, created_at as written,"
        f" idempotency_key as key from {APP} where _deleted_at is null union all"
        f" select 'nexadesk:' || external_subscription_id, id, quantity, 'chats', period_start,"
        f" write_date, idempotency_key from {ODOO} where _deleted_at is null"
    )
    by_key: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        by_key[row["subscription"], row["metric"], row["key"] or row["id"]].append(row)
    sums: dict[tuple[str, str, date], tuple[int, Decimal]] = {}
    for same in by_key.values():
        keeps_last = policy == "last" and same[0]["subscription"].startswith("nexacloud:")
        kept = sorted(same, key=lambda row: (row["written"], row["id"]))[-1 if keeps_last else 0]
        place = (kept["subscription"], kept["metric"], slice_of(kept["at"]))
        count, quantity = sums.get(place, (0, Decimal(0)))
        sums[place] = (count + 1, quantity + Decimal(kept["quantity"]))
    return sums


def summed(world: World) -> dict[tuple[str, str, date], tuple[int, Decimal]]:
    rows = world.query(
        "select subscription_id, metric, slice_on, sum(record_count) as records,"
        f" sum(summed_quantity) as quantity from {SLICES} group by 1, 2, 3"
    )
    return {
        (row["subscription_id"], row["metric"], row["slice_on"]): (row["records"], row["quantity"])
        for row in rows
    }


def kept(world: World) -> list[list[str]]:
    return [
        [row["row"] for row in world.query(f"select t::text as row from {table} as t order by 1")]
        for table in (LEFT_OUT, SLICES)
    ]


def live_through(world: World, policy: str, nights: int) -> None:
    world.policies = {"nexacloud": {"duplicate_policy": policy}}
    world.seed(
        "metrics",
        [
            {"service": "nexacloud", "metric": metric, "aggregation": aggregation}
            for metric, aggregation in zip(METRICS[:-1], AGGREGATIONS, strict=True)
        ],
    )
    world.load("raw_odoo.fusion_billing_service", [{"id": 1, "code": "nexadesk"}])
    world.load("raw_odoo.fusion_billing_metric", [{"id": 1, "code": "chats", "aggregation": "sum"}])
    sources = Sources(world, seed=31 if policy == "first" else 32)
    world.rate(["+int_usage_by_slice"])
    for night in range(nights):
        sources.live_through_a_load()
        if night % 4 == 1:  # a night that breaks
            world.rate(NIGHT[: sources.draw.choice((1, 2))])
            sources.live_through_a_load()
        if night % 4 == 3:  # a load in the middle of a night: it is the next one's
            world.rate(NIGHT[:2])
            sources.live_through_a_load()
            world.rate(NIGHT[2:])
        world.rate(NIGHT)
        assert summed(world) == recounted(world, policy), f"night {night}"
        if night % 10 == 9 or night == nights - 1:
            by_nights = kept(world)
            world.rate(NIGHT, full_refresh=True)
            assert kept(world) == by_nights, f"night {night}"


@pytest.mark.parametrize("policy", ["first", "last"])
def test_nights_keep_what_a_count_of_every_record_gives(world: World, policy: str) -> None:
    live_through(world, policy, nights=6)


@pytest.mark.soak
@pytest.mark.parametrize("policy", ["first", "last"])
def test_thirty_nights_keep_what_a_count_of_every_record_gives(world: World, policy: str) -> None:
    live_through(world, policy, nights=30)
