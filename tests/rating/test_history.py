"""Facts that a source overwrites count as they were: what was published in April stays."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from dbt_runs import DbtFailed
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import LINES, Dbt, World, fresh_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

Amounts = list[tuple[Decimal, str]]
NEW = "line_key not in (select line_key from ops.publication_lines)"
MONTHS = {"april": "2026-04", "may": "2026-05", "june": "2026-06"}
LAW = "assert_every_held_segment_has_a_base_price_or_an_exception"
LATER = toronto(2026, 5, 20, 10)


def cad(*amounts: str) -> Amounts:
    return [(Decimal(amount), "CAD") for amount in amounts]


# The subscription and what changes of it or its plan after April was published.
OF_THE_PLAN: dict[str, dict[str, Any]] = {
    "price": {"price": "62", "updated_at": LATER},
    "currency": {"currency": "USD", "updated_at": LATER},
    "interval": {"billing_interval": "year", "updated_at": LATER},
    "fortnight": {"billing_interval": "fortnight", "updated_at": LATER},
    "still": {"price": "62"},
    "back": {"price": "62", "updated_at": toronto(2019, 1, 1)},
    "never": {"price": "62", "updated_at": None},
}
OF_THE_SUBSCRIPTION: dict[str, dict[str, Any]] = {
    "later": {"cancelled_at": toronto(2026, 5, 11), "updated_at": toronto(2026, 5, 11)},
    "undone": {"cancelled_at": None, "status": "active", "updated_at": toronto(2026, 5, 11)},
    "resumed": {
        "cancelled_at": None,
        "status": "active",
        "started_at": toronto(2026, 4, 21),
        "updated_at": toronto(2026, 4, 21, 3),
    },
    "undated": {"status": "cancelled", "updated_at": toronto(2026, 5, 11)},
    "zombie": {"status": "zombie", "updated_at": LATER},
}
# What is new of April, and all of May and June, by subscription.
EXPECTED: dict[str, tuple[Amounts, Amounts, Amounts]] = {
    "price": ([], cad("30.00"), cad("62.00")),
    "currency": ([], cad("30.00"), [(Decimal("30.00"), "USD")]),
    # 19 of 31 days of the month, then 226 of 365 days of the year.
    "interval": ([], cad("18.39", "18.58"), []),
    "fortnight": ([], cad("30.00"), cad("30.00")),
    "still": ([], cad("30.00"), cad("30.00")),
    "back": ([], cad("30.00"), cad("30.00")),
    "never": ([], cad("30.00"), cad("30.00")),
    "later": (cad("20.00"), cad("9.68"), []),
    "undone": (cad("20.00"), cad("30.00"), cad("30.00")),
    "resumed": (cad("10.00"), cad("30.00"), cad("30.00")),
    "undated": ([], cad("9.68"), []),
    "zombie": ([], cad("30.00"), cad("30.00")),
    # Seen to be gone on the 3rd of June.
    "gone": ([], cad("30.00"), cad("3.00")),
    "twin-1": ([], cad("30.00"), cad("30.00")),
    "twin-2": ([], cad("60.00"), cad("60.00")),
    "lower": ([], cad("30.00"), cad("30.00")),
    "metric": ([], cad("30.00"), cad("30.00")),
    "year one": ([], [], []),
    "year 9999": ([], [], []),
    "unheard": ([], [], []),
    "unpriced": ([], [], []),
}
TROUBLE = {
    "subscription_unrateable": {"fortnight", "year one", "year 9999"},
    "subscription_status_unknown": {"zombie"},
    "subscription_deleted": {"gone"},
    "plan_code_twice": {"twin-1", "twin-2"},
    "price_missing": {"unpriced"},
    "currency_unknown": {"unheard"},
    "usage_metric_unknown": {"metric"},
}


def fill(world: World) -> None:
    plans: dict[str, dict[str, Any]] = {
        "twin-1": {"code": "twin"},
        "twin-2": {"code": "twin", "price": "60"},
        "lower": {"currency": "cad"},
        "unheard": {"currency": "XTS"},
        "unpriced": {"price": None},
    }
    starts = {
        "year one": datetime(1, 1, 1, tzinfo=UTC),
        "year 9999": datetime(9999, 12, 1, tzinfo=UTC),
    }
    cancelled = {"status": "cancelled", "cancelled_at": toronto(2026, 4, 11)}
    world.load(
        "raw_nexacloud.plans",
        [plan(name, **{"price": "30", **plans.get(name, {})}) for name in EXPECTED],
    )
    world.load(
        "raw_nexacloud.subscriptions",
        [
            subscription(
                name,
                name,
                starts.get(name, toronto(2026, 3, 1)),
                **(cancelled if name in ("later", "undone", "resumed") else {}),
                updated_at=toronto(2026, 3, 1),
            )
            for name in EXPECTED
        ],
    )
    unheard = usage(1, "metric", 5, toronto(2026, 5, 3), metric="unheard")
    world.load("raw_nexacloud.usage_records", [unheard])


@pytest.fixture(scope="module")
def changed(cluster: Cluster, rating_dbt: Dbt) -> World:
    """April is published; then everything changes at its source."""
    world = fresh_world(cluster, rating_dbt)
    fill(world)
    world.rate()
    world.publish(of_month(world, "april"), "april")
    for name, values in OF_THE_PLAN.items():
        world.change("raw_nexacloud.plans", name, **values)
    for name, values in OF_THE_SUBSCRIPTION.items():
        world.change("raw_nexacloud.subscriptions", name, **values)
    world.change("raw_nexacloud.subscriptions", "gone", _deleted_at=world.loaded_at)
    world.rate((*LINES, "+fct_exceptions"))
    return world


def of_month(world: World, month: str, condition: str = "true") -> list[dict[str, Any]]:
    start = "to_char(service_period_start at time zone 'America/Toronto', 'YYYY-MM')"
    return world.lines(f"{start} = '{MONTHS[month]}' and {condition}")


def amounts(world: World, month: str, name: str, condition: str = "true") -> Amounts:
    of_it = f"external_subscription_id = '{name}' and {condition}"
    return sorted((line["amount"], line["currency"]) for line in of_month(world, month, of_it))


@pytest.mark.parametrize("name", EXPECTED)
def test_what_was_stays_and_what_is_new_counts_from_when_it_was_seen(
    changed: World, name: str
) -> None:
    april, may, june = EXPECTED[name]
    assert amounts(changed, "april", name, NEW) == april
    assert amounts(changed, "may", name) == may
    assert amounts(changed, "june", name) == june


def test_what_nobody_knows_holds_the_lines_of_its_subscription_alone(changed: World) -> None:
    rows = changed.query(
        "select kind, split_part(subscription_id, ':', 2) as name, description, is_blocking"
        " from marts.fct_exceptions where kind = any(%s)",
        list(TROUBLE),
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["kind"], set()).add(row["name"])
    assert found == TROUBLE
    assert all(row["is_blocking"] for row in rows)
    twins = [row["description"] for row in rows if row["kind"] == "plan_code_twice"]
    assert all("twin-1, twin-2" in description for description in twins)


def test_time_is_tiled_and_every_held_segment_has_a_price_or_an_exception(changed: World) -> None:
    given = {"as_of": changed.as_of.isoformat()}
    laws = [LAW, "assert_periods_tile_time", "assert_segments_share_their_period"]
    keys = ["int_price_versions", "int_product_map", "rpt_catalogue_drift"]
    changed.dbt.build([*laws, *keys], given, types=("test",))
    changed.execute("delete from marts.fct_exceptions where kind = 'price_missing'")
    with pytest.raises(DbtFailed, match=LAW):
        changed.dbt.build([LAW], given, types=("test",))


def test_plans_of_one_code_that_are_both_gone_still_count_and_trouble_nobody(world: World) -> None:
    plans = [plan(name, price, code="twin") for name, price in (("a", "30"), ("b", "60"))]
    world.load("raw_nexacloud.plans", plans)
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(name, name, toronto(2026, 5, 1)) for name in ("a", "b")],
    )
    world.rate(("nexacloud_plan_history",))
    for name in ("a", "b"):
        world.change("raw_nexacloud.plans", name, _deleted_at=world.loaded_at)
    world.rate((*LINES, "+int_exceptions_subscriptions"))
    assert amounts(world, "may", "a") == cad("30.00")
    assert amounts(world, "may", "b") == cad("60.00")
    assert world.query("select kind from intermediate.int_exceptions_subscriptions") == []
    keys = ["int_price_versions", "int_product_map", "fct_invoice_lines"]
    world.dbt.build(keys, {"as_of": world.as_of.isoformat()}, types=("test",))
