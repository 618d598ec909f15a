"""A service that lives in Odoo is a row of services.csv: its orders and pushed usage are rated."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from nexacloud_rows import toronto
from rating_world import World

Row = dict[str, Any]


def desk(world: World) -> World:
    """NexaDesk: by anniversary; a charge names the recurring plan, the app pushes its usage."""
    load = world.load
    load("raw_odoo.fusion_billing_service", [{"id": 1, "code": "nexadesk"}])
    load("raw_odoo.fusion_billing_metric", [{"id": 1, "code": "chats", "aggregation": "sum"}])
    load(
        "raw_odoo.sale_subscription_plan",
        [{"id": 5, "name": "Monthly", "billing_period_value": 1, "billing_period_unit": "month"}],
    )
    load(
        "raw_odoo.fusion_billing_charge",
        [
            {
                "id": 1,
                "service_id": 1,
                "plan_code": "team",
                "plan_id": 5,
                "metric_id": 1,
                "included_quantity": 100,
                "price_per_unit": "0.25",
                "currency_id": 1,
                "active": True,
                "write_date": toronto(2026, 1, 1),
            }
        ],
    )
    load(
        "raw_odoo.fusion_billing_account_link",
        [{"id": 1, "service_id": 1, "external_account_id": "acme", "partner_id": 42}],
    )
    load("raw_odoo.sale_order", [order(10, "S0010")])
    load(
        "raw_odoo.sale_order_line",
        [
            {
                "id": 1,
                "order_id": 10,
                "product_uom_qty": 1,
                "price_unit": "40",
                "write_date": toronto(2026, 1, 1),
            }
        ],
    )
    load("raw_odoo.fusion_billing_usage", [rollup(1, 150, toronto(2026, 4, 20), "a")])
    return world


def order(number: int, name: str, **changes: Any) -> Row:
    return {
        "id": number,
        "name": name,
        "state": "sale",
        "partner_id": 42,
        "currency_id": 1,
        "is_subscription": True,
        "plan_id": 5,
        "subscription_state": "3_progress",
        "date_order": toronto(2026, 4, 10, 9),
        "write_date": toronto(2026, 4, 10, 9),
        **changes,
    }


def rollup(number: int, quantity: int, at: datetime, key: str) -> Row:
    return {
        "id": number,
        "service_id": 1,
        "subscription_id": 10,
        "external_subscription_id": "desk-1",
        "metric_id": 1,
        "period_start": at,
        "period_end": at,
        "quantity": quantity,
        "idempotency_key": key,
        "write_date": at,
    }


def billed(world: World) -> list[tuple[str, str, datetime, Decimal, str]]:
    return [
        (
            line["subscription_id"],
            line["kind"],
            line["service_period_start"],
            line["amount"],
            line["price_source"],
        )
        for line in world.lines("service_period_end <= '2026-05-10 04:00+00'")
    ]


def test_an_order_and_its_rollups_are_rated_and_end_with_the_order(world: World) -> None:
    desk(world).rate()
    start = toronto(2026, 4, 10)
    assert billed(world) == [
        ("nexadesk:desk-1", "base", start, Decimal("40.00"), "odoo"),
        ("nexadesk:desk-1", "usage", start, Decimal("12.50"), "odoo"),
    ]
    customers = {line["external_customer_id"] for line in world.lines()}
    assert customers == {"acme"}

    # The app withdraws a rollup and repeats a key; the order is closed in May.
    world.load(
        "raw_odoo.fusion_billing_usage",
        [
            rollup(2, 60, toronto(2026, 4, 21), "b"),
            rollup(3, 900, toronto(2026, 4, 22), "b"),
            rollup(4, 8, toronto(2026, 5, 30), "c"),
        ],
    )
    world.change("raw_odoo.fusion_billing_usage", 1, _deleted_at=world.loaded_at)
    closed = {"subscription_state": "6_churn", "write_date": toronto(2026, 5, 25, 12)}
    world.change("raw_odoo.sale_order", 10, **closed)
    world.rate()
    assert billed(world) == [("nexadesk:desk-1", "base", start, Decimal("40.00"), "odoo")]
    last = world.lines("service_period_start = '2026-05-10 04:00+00'")
    assert [(line["kind"], line["fraction"]) for line in last] == [("base", "16/31")]
    reasons = world.query("select usage_key, reason from marts.fct_usage_exceptions order by 1")
    assert [tuple(row.values()) for row in reasons] == [
        ("odoo:1", "withdrawn"),
        ("odoo:3", "duplicate"),
        ("odoo:4", "after_end"),
    ]


def test_an_order_handed_over_is_billed_to_who_held_it_when_the_time_began(world: World) -> None:
    world.as_of = toronto(2026, 7, 3)
    desk(world).next_load()
    handed_over = {"partner_id": 43, "write_date": toronto(2026, 5, 20)}
    world.change("raw_odoo.sale_order", 10, **handed_over)
    world.rate()
    holders = {
        (line["service_period_start"], line["external_customer_id"], line["partner_id"])
        for line in world.lines("kind = 'base'")
    }
    assert holders == {
        (toronto(2026, 4, 10), "acme", 42),
        (toronto(2026, 5, 10), "acme", 42),
        (toronto(2026, 6, 10), "43", 43),
    }
