"""Laws over made-up plans and usage. Whatever is drawn for all of them, one build rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from charge_examples import Charge, charges, parts_of, quantities
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import Dbt, World, fresh_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

METRIC = "units"
IN_MARCH = toronto(2026, 3, 1)
MAY = toronto(2026, 5, 1)
BATCHES = 3  # of each law; the first is all zeroes


@dataclass(frozen=True)
class Batch:
    """What one law has drawn, and how it is held: groups of subscriptions, which are rated."""

    drawn: list[Any]
    groups: list[list[Held]]


def drawn_by(each: st.SearchStrategy[Any], count: int) -> list[list[Any]]:
    """Batches of examples. A failure names its own; there is no build to shrink it by."""
    found: list[list[Any]] = []

    @settings(
        max_examples=BATCHES,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(each, min_size=count, max_size=count))
    def collect(drawn: list[Any]) -> None:
        found.append(drawn)

    collect()
    return found


@dataclass(frozen=True)
class Held:
    """A subscription of a batch: a charge, its records in May, and from when it is held."""

    charge: Charge
    records: list[Decimal]
    started_at: datetime = IN_MARCH


def rate(world: World, held: Sequence[Held]) -> list[Decimal]:
    """What each subscription's charge costs in May, by the real models."""
    world.policies = {"nexacloud": {"proration": "day"}}
    world.load("raw_nexacloud.plans", [plan(f"p{n}") for n, _ in enumerate(held)])
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(f"s{n}", f"p{n}", one.started_at) for n, one in enumerate(held)],
    )
    world.seed("metrics", [{"service": "nexacloud", "metric": METRIC, "aggregation": "sum"}])
    booked = [one.charge.rows(f"p{n}", METRIC) for n, one in enumerate(held)]
    world.seed("charges", [row for row, _ in booked])
    world.seed("charge_tiers", [tier for _, tiers in booked for tier in tiers])
    world.load(
        "raw_nexacloud.usage_records",
        [
            usage(n * 100 + k, f"s{n}", quantity, last_moment(k), metric=METRIC)
            for n, one in enumerate(held)
            for k, quantity in enumerate(one.records)
        ],
    )
    world.rate()
    return _amounts(world, len(held))


def last_moment(number: int) -> datetime:
    """Records lie all over the end of May: no record is before anyone's start."""
    return toronto(2026, 5, 31, 3) + timedelta(hours=number, seconds=number)


def _amounts(world: World, count: int) -> list[Decimal]:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for line in world.lines(f"charge = '{METRIC}' and service_period_start = '{MAY.isoformat()}'"):
        amounts[line["external_subscription_id"]] += line["amount"]
    return [amounts[f"s{n}"] for n in range(count)]


starts = st.integers(1, 31).map(lambda day: toronto(2026, 5, day))


@st.composite
def splits(draw: st.DrawFn) -> tuple[Charge, Decimal, list[Decimal]]:
    total = draw(quantities)
    return draw(charges()), total, draw(parts_of(total))


def exact_batches() -> list[Batch]:
    return [
        Batch(drawn, [[Held(charge, [used], start) for charge, used, start in drawn]])
        for drawn in drawn_by(st.tuples(charges(), quantities, starts), 150)
    ]


def split_batches() -> list[Batch]:
    return [
        Batch(
            drawn,
            [
                [Held(charge, [total]) for charge, total, _ in drawn],
                [Held(charge, parts) for charge, _, parts in drawn],
            ],
        )
        for drawn in drawn_by(splits(), 80)
    ]


def growing_batches() -> list[Batch]:
    found = []
    for drawn in drawn_by(st.tuples(charges(), quantities, quantities), 80):
        pairs = [(charge, *sorted(used)) for charge, *used in drawn]
        groups = [[Held(charge, [used[n]]) for charge, *used in pairs] for n in (0, 1)]
        found.append(Batch(pairs, groups))
    return found


LAWS = {"exact": exact_batches, "split": split_batches, "growing": growing_batches}
Rated = dict[str, list[tuple[list[Any], list[list[Decimal]]]]]


@pytest.fixture(scope="module")
def rated(cluster: Cluster, rating_dbt: Dbt) -> Rated:
    """By law: what each batch has drawn, and what its groups cost."""
    batches = {law: draw() for law, draw in LAWS.items()}
    held = [
        one for law in batches.values() for batch in law for group in batch.groups for one in group
    ]
    amounts = iter(rate(fresh_world(cluster, rating_dbt), held))
    return {
        law: [
            (batch.drawn, [list(islice(amounts, len(group))) for group in batch.groups])
            for batch in drawn
        ]
        for law, drawn in batches.items()
    }


def test_every_charge_is_exact_and_rounded_once(rated: Rated) -> None:
    for drawn, [found] in rated["exact"]:
        assert len(found) == 150
        for (charge, used, start), amount in zip(drawn, found, strict=True):
            share = Fraction((toronto(2026, 6, 1) - start).days, 31)
            assert amount == charge.cost(used, share), (charge, used, start)


def test_splitting_usage_over_more_records_changes_nothing(rated: Rated) -> None:
    for drawn, [whole, split] in rated["split"]:
        for example, one, many in zip(drawn, whole, split, strict=True):
            assert one == many, example


def test_more_usage_never_costs_less_except_past_a_volume_boundary(rated: Rated) -> None:
    for drawn, [low, high] in rated["growing"]:
        for (charge, *used), cheap, dear in zip(drawn, low, high, strict=True):
            ends = [charge.tier_of(charge.billable(units, Fraction(1))) for units in used]
            may_fall = charge.model == "volume" and ends[0] < ends[1]
            assert cheap <= dear or may_fall, (charge, used)
