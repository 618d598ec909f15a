"""Nothing that is held is left out, and nothing that was billed given back, without a word."""

from __future__ import annotations

from decimal import Decimal

from nexacloud_rows import plan, subscription, toronto
from rating_world import LINES, World

TOLD = (*LINES, "+fct_exceptions")


def kinds(world: World) -> dict[str, set[str]]:
    rows = world.query("select kind, subscription_id from marts.fct_exceptions")
    told: dict[str, set[str]] = {}
    for row in rows:
        told.setdefault(str(row["subscription_id"]).removeprefix("nexacloud:"), set()).add(
            row["kind"]
        )
    return told


def test_time_on_a_plan_that_no_load_ever_saw_is_an_exception(world: World) -> None:
    """A plan deleted before the first load: of one that ended, and of one that has another plan."""
    ended = {"status": "cancelled", "cancelled_at": toronto(2026, 4, 10)}
    world.load("raw_nexacloud.plans", [plan("p", "31")])
    world.load(
        "raw_nexacloud.subscriptions",
        [
            subscription("ended", "gone", toronto(2026, 3, 1), **ended),
            subscription("switched", "gone", toronto(2026, 3, 1)),
            subscription("known", "p", toronto(2026, 3, 1)),
        ],
    )
    world.rate(("nexacloud_subscription_history",))
    switch = {"plan_id": "p", "updated_at": toronto(2026, 5, 1)}
    world.change("raw_nexacloud.subscriptions", "switched", **switch)
    world.rate(TOLD)
    told = kinds(world)
    assert "plan_unknown" in told["ended"]
    assert "plan_unknown" in told["switched"]
    assert "known" not in told or "plan_unknown" not in told["known"]


def test_a_start_that_moves_past_what_was_billed_waits_for_a_person(world: World) -> None:
    world.load("raw_nexacloud.plans", [plan("p", "30")])
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(name, "p", toronto(2026, 4, 1)) for name in ("billed", "free")],
    )
    world.rate()
    world.publish(world.lines("external_subscription_id = 'billed'"), "april")
    for name in ("billed", "free"):
        moved = {"started_at": toronto(2026, 5, 16), "updated_at": toronto(2026, 5, 16)}
        world.change("raw_nexacloud.subscriptions", name, **moved)
    world.rate(TOLD)
    told = kinds(world)
    assert "subscription_start_moved" in told["billed"]
    assert "subscription_start_moved" not in told.get("free", set())


def test_a_plan_that_is_suspended_at_once_sets_no_pace(world: World) -> None:
    """A quarter until the evening of 3 March; the switch and the suspension came in one load."""
    world.policies = {"nexacloud": {"bill_suspended": False}}
    world.load(
        "raw_nexacloud.plans", [plan("q", "90", billing_interval="quarter"), plan("m", "31")]
    )
    world.load("raw_nexacloud.subscriptions", [subscription("s", "q", toronto(2026, 1, 1))])
    world.rate(("nexacloud_subscription_history",))
    switch = {"plan_id": "m", "status": "past_due", "updated_at": toronto(2026, 3, 3, 18, 5)}
    world.change("raw_nexacloud.subscriptions", "s", **switch)
    world.rate()
    # 31 + 28 + 3 days of 90 in the quarter, and nothing of the month's plan.
    assert [(line["amount"], line["fraction"]) for line in world.lines()] == [
        (Decimal("62.00"), "62/90")
    ]
