"""A night costs what is new, and gives what a full refresh gives, row for row."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import World

Row = dict[str, Any]
RELATIONS = (
    "intermediate.int_usage_left_out",
    "intermediate.int_usage_by_slice",
    "intermediate.int_usage_by_segment",
    "intermediate.int_rated_lines",
    "marts.fct_invoice_lines",
    "marts.fct_usage_exceptions",
)


def hashes(world: World) -> dict[str, str]:
    rows = "string_agg(md5(r::text), '' order by md5(r::text))"
    return {
        relation: world.query(
            f"select count(*) || ' ' || coalesce(md5({rows}), '') as hash from {relation} as r"
        )[0]["hash"]
        for relation in RELATIONS
    }


def records(seed: int, count: int = 4000) -> list[Row]:
    """Usage with repeated keys that arrives in any order, some of nobody, some of no metric."""
    draw = random.Random(seed)
    metrics = ("cpu_seconds", "peak", "latest", "people", "events", "unheard")
    rows = []
    for number in range(1, count + 1):
        at = toronto(2026, 4, 20) + timedelta(minutes=draw.randrange(60 * 24 * 40))
        rows.append(
            usage(
                number,
                f"s{draw.randrange(6)}",
                draw.randrange(1, 500),
                at,
                idempotency_key=f"key-{draw.randrange(count)}" if number % 9 else None,
                created_at=at + timedelta(minutes=draw.randrange(9000)),
                metric=draw.choice(metrics),
            )
        )
    draw.shuffle(rows)
    return rows


def filled(world: World) -> World:
    metrics = {"cpu_seconds": "sum", "peak": "max", "latest": "last", "people": "unique"}
    world.seed(
        "metrics",
        [
            {"service": "nexacloud", "metric": metric, "aggregation": how}
            for metric, how in {**metrics, "events": "count"}.items()
        ],
    )
    terms = {"overage_price_per_cpu_second": "0.01"}
    world.load("raw_nexacloud.plans", [plan("p", "31", **terms), plan("q", "62", **terms)])
    starts = (toronto(2026, 4, 1), toronto(2026, 5, 7, 13), toronto(2026, 5, 20, 1, 30))
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(f"s{n}", "p", starts[n % 3]) for n in range(5)],
    )
    for metric in ("peak", "people", "latest"):
        row = {"service": "nexacloud", "plan_code": "p", "metric": metric, "currency": "CAD"}
        world.insert("staging.charges", [{**row, "unit_price": "2.5"}])
    return world


@pytest.mark.parametrize("duplicate_policy", ["first", "last"])
def test_nights_give_what_a_full_refresh_gives_whatever_arrived_when(
    world: World, duplicate_policy: str
) -> None:
    world.policies = {"nexacloud": {"duplicate_policy": duplicate_policy}}
    filled(world)
    arriving = records(7)
    world.load("raw_nexacloud.usage_records", arriving[:2500])
    world.rate()
    world.load("raw_nexacloud.usage_records", arriving[2500:3200])
    # An edit that leaves its key, one that changes its time, a withdrawal, a switch of plan.
    first, second, third, fourth = (row["id"] for row in arriving[:4])
    world.change("raw_nexacloud.usage_records", first, idempotency_key="another", quantity=99)
    world.change("raw_nexacloud.usage_records", second, window_start=toronto(2026, 4, 25))
    world.change("raw_nexacloud.usage_records", third, _deleted_at=world.loaded_at)
    world.change(
        "raw_nexacloud.subscriptions", "s0", plan_id="q", updated_at=toronto(2026, 5, 12, 11)
    )
    # Nights that break: before what is left out is known, and before the rest is summed.
    world.rate(["+int_usage_watermarks"])
    world.rate(["+int_usage_left_out"])
    world.load("raw_nexacloud.usage_records", arriving[3200:3900])
    world.change("raw_nexacloud.usage_records", second, window_start=toronto(2026, 5, 26))
    world.change("raw_nexacloud.usage_records", fourth, subscription_id="s3", metric="peak")
    world.rate()
    world.load("raw_nexacloud.usage_records", arriving[3900:])
    world.rate()
    nights = hashes(world)
    world.rate(full_refresh=True)
    assert hashes(world) == nights
    counted = world.query(
        "select sum(record_count) as counted, (select count(distinct (subscription_id, metric,"
        " coalesce(idempotency_key, written_number::text))) from intermediate.int_usage_events"
        " where deleted_at is null) as keys from intermediate.int_usage_by_slice"
    )
    assert counted[0]["counted"] == counted[0]["keys"]


def test_a_night_with_nothing_new_writes_no_usage(world: World) -> None:
    filled(world)
    world.load("raw_nexacloud.usage_records", records(3, 500))
    world.rate()
    before = hashes(world)
    versions = (
        "select (select max(xmin::text::bigint) from intermediate.int_usage_left_out) as left_out,"
        " (select max(xmin::text::bigint) from intermediate.int_usage_by_slice) as summed"
    )
    written = world.query(versions)
    world.rate()
    assert world.query(versions) == written
    assert hashes(world) == before


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("key_hash = any(array(select n from generate_series(1::bigint, 3) as n))", "key_hash"),
        ("external_subscription_id = 's1' and placed_at > '2026-05-01'", "subscription_time"),
        ("loaded_at > '2026-05-01'", "_loaded_at"),
    ],
)
def test_usage_is_looked_up_by_the_indexes_of_raw(world: World, condition: str, index: str) -> None:
    """The loaders' indexes and the models say the same expressions, or all of raw would be read."""
    with world.connect() as connection, connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")  # where there is nothing, reading all is best
        cursor.execute(
            "explain select * from intermediate.int_usage_events"
            f" where usage_source = 'nexacloud' and {condition}"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert f"usage_records_{index}_idx" in plan
    assert "Index Cond" in plan
