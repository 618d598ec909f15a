"""Laws over made-up plans and usage. Each draw is a batch of subscriptions that one build rates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

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
# A build a draw: a draw is large instead of many, and a failure is its own smallest example.
batch = settings(
    max_examples=3,  # the first is all zeroes
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def worlds(cluster: Cluster, rating_dbt: Dbt) -> tuple[Cluster, Dbt]:
    return cluster, rating_dbt


@dataclass(frozen=True)
class Held:
    """A subscription of a batch: a charge, its records in May, and from when it is held."""

    charge: Charge
    records: list[Decimal]
    started_at: datetime = IN_MARCH


def rate(worlds: tuple[Cluster, Dbt], batch: Iterable[Held]) -> list[Decimal]:
    """What each subscription's charge costs in May, by the real models."""
    world = fresh_world(*worlds)
    world.policies = {"nexacloud": {"proration": "day"}}
    held = list(enumerate(batch))
    world.load("raw_nexacloud.plans", [plan(f"p{n}") for n, _ in held])
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(f"s{n}", f"p{n}", one.started_at) for n, one in held],
    )
    world.seed("metrics", [{"service": "nexacloud", "metric": METRIC, "aggregation": "sum"}])
    booked = [one.charge.rows(f"p{n}", METRIC) for n, one in held]
    world.seed("charges", [row for row, _ in booked])
    world.seed("charge_tiers", [tier for _, tiers in booked for tier in tiers])
    world.load(
        "raw_nexacloud.usage_records",
        [
            usage(n * 100 + k, f"s{n}", quantity, last_moment(k), metric=METRIC)
            for n, one in held
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


@batch
@given(st.lists(st.tuples(charges(), quantities, starts), min_size=150, max_size=150))
def test_every_charge_is_exact_and_rounded_once(
    worlds: tuple[Cluster, Dbt], drawn: list[tuple[Charge, Decimal, datetime]]
) -> None:
    found = rate(worlds, [Held(charge, [used], start) for charge, used, start in drawn])
    shares = [Fraction((toronto(2026, 6, 1) - start).days, 31) for *_, start in drawn]
    expected = [
        charge.cost(used, share) for (charge, used, _), share in zip(drawn, shares, strict=True)
    ]
    assert found == expected


@st.composite
def splits(draw: st.DrawFn) -> tuple[Charge, Decimal, list[Decimal]]:
    total = draw(quantities)
    return draw(charges()), total, draw(parts_of(total))


@batch
@given(st.lists(splits(), min_size=80, max_size=80))
def test_splitting_usage_over_more_records_changes_nothing(
    worlds: tuple[Cluster, Dbt], drawn: list[tuple[Charge, Decimal, list[Decimal]]]
) -> None:
    whole = [Held(charge, [total]) for charge, total, _ in drawn]
    split = [Held(charge, parts) for charge, _, parts in drawn]
    found = rate(worlds, [*whole, *split])
    assert found[: len(drawn)] == found[len(drawn) :]


@batch
@given(st.lists(st.tuples(charges(), quantities, quantities), min_size=80, max_size=80))
def test_more_usage_never_costs_less_except_past_a_volume_boundary(
    worlds: tuple[Cluster, Dbt], drawn: list[tuple[Charge, Decimal, Decimal]]
) -> None:
    pairs = [(charge, min(one, two), max(one, two)) for charge, one, two in drawn]
    found = rate(
        worlds,
        [Held(charge, [less]) for charge, less, _ in pairs]
        + [Held(charge, [more]) for charge, _, more in pairs],
    )
    for (charge, less, more), low, high in zip(
        pairs, found[: len(pairs)], found[len(pairs) :], strict=True
    ):
        ends = [charge.tier_of(charge.billable(units, Fraction(1))) for units in (less, more)]
        assert low <= high or (charge.model == "volume" and ends[0] < ends[1])
