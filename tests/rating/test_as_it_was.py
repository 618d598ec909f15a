"""Plans renamed and deleted, a subscription handed over: what was billed is as it was."""

from __future__ import annotations

from decimal import Decimal

from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import World

APRIL = "service_period_start = '2026-04-01 04:00+00'"
MAY = "service_period_start = '2026-05-01 04:00+00'"
NEW = "line_key not in (select line_key from ops.publication_lines)"


def test_a_renamed_plan_keeps_its_price(world: World) -> None:
    """The code is edited in place: nothing that was held before may lose its price."""
    world.load("raw_nexacloud.plans", [plan("p", "31", overage_price_per_cpu_second="1")])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "p", toronto(2026, 4, 1))])
    used = [usage(1, "s", 5, toronto(2026, 4, 5)), usage(2, "s", 5, toronto(2026, 5, 5))]
    world.load("raw_nexacloud.usage_records", used)
    world.rate()
    world.publish(world.lines(APRIL), "april")
    world.change("raw_nexacloud.plans", "p", code="p-2026", updated_at=toronto(2026, 5, 20, 10))
    world.rate()
    assert world.lines(f"{APRIL} and {NEW}") == []
    may = world.lines(MAY)
    assert sorted(line["amount"] for line in may) == [Decimal("5.00"), Decimal("31.00")]
    assert {line["plan_code"] for line in may} == {"p"}
    june = world.lines("service_period_start = '2026-06-01 04:00+00' and kind = 'base'")
    assert [(line["plan_code"], line["amount"]) for line in june] == [("p-2026", Decimal("31.00"))]


def test_a_deleted_plan_keeps_counting(world: World) -> None:
    """Its row is gone from the source; it was held until June."""
    ended = {"status": "cancelled", "cancelled_at": toronto(2026, 6, 1)}
    world.load("raw_nexacloud.plans", [plan("p", "31")])
    world.load(
        "raw_nexacloud.subscriptions", [subscription("s", "p", toronto(2026, 4, 1), **ended)]
    )
    world.rate()
    world.publish(world.lines(APRIL), "april")
    world.change("raw_nexacloud.plans", "p", _deleted_at=world.loaded_at)
    world.rate()
    new = world.lines(NEW)
    assert [(line["kind"], line["amount"]) for line in new] == [("base", Decimal("31.00"))]


def test_whoever_held_a_period_is_billed_for_it(world: World) -> None:
    """Handed over on the 2nd of June: April was invoiced, and May was held, by the first."""
    world.load("raw_nexacloud.plans", [plan("p", "31", overage_price_per_cpu_second="1")])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "p", toronto(2026, 4, 1))])
    world.load("raw_nexacloud.usage_records", [usage(1, "s", 2, toronto(2026, 4, 15))])
    world.rate()
    world.publish(world.lines(APRIL), "april")
    handed_over = {"user_id": "u2", "updated_at": toronto(2026, 6, 2, 10)}
    world.change("raw_nexacloud.subscriptions", "s", **handed_over)
    world.load("raw_nexacloud.usage_records", [usage(2, "s", 8, toronto(2026, 4, 20))])
    world.rate()
    late = world.lines("kind = 'adjustment'")
    assert [(row["amount"], row["external_customer_id"]) for row in late] == [
        (Decimal("8.00"), "u1")
    ]
    assert {line["external_customer_id"] for line in world.lines(MAY)} == {"u1"}
