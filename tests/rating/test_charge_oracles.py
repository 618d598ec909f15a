"""Charge models and aggregations against oracles of their own: random examples, no difference.

Each example is rated, billed, and then late records come: the lines and their adjustments together
are what all records cost, and what was billed stands as it was. `--seeds 500` plays 500 of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

import pytest
from charge_oracles import MONTHS, Trial, discounts, graduated_percentage
from measured_oracles import percentile, time_weighted
from nexacloud_rows import plan, subscription
from rating_world import World

SEGMENTS = "select t::text from intermediate.int_usage_by_segment as t order by 1"
ORACLES = {
    "graduated_percentage": graduated_percentage,
    "discounts": discounts,
    "time_weighted": time_weighted,
    "percentile": percentile,
}


def fill(world: World, trials: Sequence[Trial]) -> None:
    world.policies = {"nexacloud": {"proration": "day"}}
    world.load("raw_nexacloud.plans", [plan(trial.name, str(trial.price)) for trial in trials])
    world.load(
        "raw_nexacloud.subscriptions",
        [
            subscription(
                trial.name,
                trial.name,
                trial.started_at,
                cancelled_at=trial.cancelled_at,
                status="cancelled" if trial.cancelled_at else "active",
            )
            for trial in trials
        ],
    )
    metrics = {(trial.metric, trial.aggregation) for trial in trials}
    world.seed(
        "metrics",
        [
            {"service": "nexacloud", "metric": metric, "aggregation": aggregation}
            for metric, aggregation in metrics
        ],
    )
    for seed in ("charges", "charge_tiers"):
        world.seed(seed, [row for trial in trials for row in trial.seed_rows(seed)])


def load(world: World, trials: Sequence[Trial], number: int) -> None:
    rows = [row for trial in trials for row in trial.loads[number]]
    world.load("raw_nexacloud.usage_records", rows)
    world.seed("discounts", [row for trial in trials for row in trial.discounts[number]])
    world.rate()


def costs(world: World) -> dict[tuple[str, datetime], Decimal]:
    rows = world.query(
        "select external_subscription_id as name, coalesce(corrects_period_start,"
        " service_period_start) as month, sum(amount) as amount from marts.fct_invoice_lines"
        " group by 1, 2"
    )
    return {(row["name"], row["month"]): row["amount"] for row in rows}


def differences(world: World, trials: Sequence[Trial], number: int) -> list[str]:
    found = costs(world)
    return [
        f"{trial.name}, {month:%Y-%m}, load {number}: {amount}, oracle {expected}"
        for trial in trials
        for month, expected in trial.expected[number].items()
        if (amount := found.get((trial.name, month), Decimal(0))) != expected
    ]


@pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES.keys())
def test_a_charge_costs_what_its_oracle_says_also_after_it_was_billed(
    world: World, oracle: Callable[[int], Trial], pytestconfig: pytest.Config
) -> None:
    trials = [oracle(number) for number in range(pytestconfig.getoption("--seeds"))]
    fill(world, trials)
    load(world, trials, 0)
    assert differences(world, trials, 0) == []
    closed = ", ".join(f"'{month.isoformat()}'" for month in MONTHS[:3])
    billed = world.lines(f"service_period_start in ({closed})")
    assert len(billed) > len(trials) / 2
    world.publish(billed, "closed")
    for number, quantity in (edit for trial in trials for edit in trial.edits.items()):
        what = {"_deleted_at": world.loaded_at} if quantity is None else {"quantity": quantity}
        world.change("raw_nexacloud.usage_records", number, **what)
    load(world, trials, 1)
    assert differences(world, trials, 1) == []
    stands = {line["line_key"]: line["amount"] for line in world.lines()}
    assert [line for line in billed if stands[line["line_key"]] != line["amount"]] == []
    assert world.lines("kind = 'adjustment'"), "nothing came late"
    by_nights = world.query(SEGMENTS)
    world.rate(full_refresh=True)
    assert world.query(SEGMENTS) == by_nights
