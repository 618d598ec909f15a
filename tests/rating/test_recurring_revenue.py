"""Recurring revenue, its movements, accruals and deferrals, against an oracle of their own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from nexacloud_rows import plan, subscription
from rating_world import Dbt, World, fresh_world
from recurring_oracle import (
    PLANS,
    Held,
    Standing,
    bases,
    midnight,
    movements,
    mrr,
    next_month,
    stories,
    unbilled,
)

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

MARTS = ("+fct_mrr_movements", "+rpt_unbilled")
LAWS = (
    "assert_movements_add_up_to_recurring_revenue",
    "assert_recurring_revenue_ties_to_the_base_lines",
)
SEED, COUNT = 20260603, 240


def _discounts(told: list[Held]) -> list[dict[str, Any]]:
    return [
        {
            "service": "nexacloud",
            "external_subscription_id": held.name,
            "charge": "base",
            "discount_percent": held.discount.percent,
            "discount_amount": held.discount.amount,
            "currency": held.discount.amount and held.stays[0][0].currency,
            "valid_from": held.discount.since,
            "valid_to": held.discount.until,
            "reason": "a story",
            "granted_by": "ann",
        }
        for held in told
        if held.discount
    ]


def _write(world: World, told: list[Held]) -> None:
    world.seed("discounts", _discounts(told))
    world.load(
        "raw_nexacloud.plans",
        [
            plan(one.name, str(one.price), billing_interval=one.interval, currency=one.currency)
            for one in PLANS
        ],
    )
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(held.name, held.stays[0][0].name, held.stays[0][1]) for held in told],
    )
    world.next_load()
    for held in told:
        (first, _, out), *rest = held.stays
        if out and (not rest or rest[0][0] == first):
            _change(world, held.name, out, status="cancelled", cancelled_at=out)
    world.next_load()
    for held in told:
        if len(held.stays) == 2:
            after, back, end = held.stays[1]
            begun = {"started_at": back} if after == held.stays[0][0] else {"plan_id": after.name}
            _change(world, held.name, back, status="active", cancelled_at=None, **begun)
    world.next_load()
    for held in told:
        if len(held.stays) == 2 and (end := held.stays[1][2]):
            _change(world, held.name, end, status="cancelled", cancelled_at=end)
    world.next_load()
    _invoice(world, told)


def _change(world: World, name: str, at: Any, **values: Any) -> None:
    world.change("raw_nexacloud.subscriptions", name, updated_at=at, **values)


def _invoice(world: World, told: list[Held]) -> None:
    invoices: list[dict[str, Any]] = []
    for held in told:
        months = held.stays[0][0].months
        for one in held.invoiced:
            number = f"{held.name}-{one.period}"
            invoices.append(
                {
                    "id": number, "number": number, "user_id": "u1", "subscription_id": held.name,
                    "period_start": midnight(one.period),
                    "period_end": midnight(next_month(one.period, months)),
                    "status": one.status, "currency": held.stays[0][0].currency,
                    "subtotal": one.amount, "tax": 0, "total": one.amount,
                    "issued_at": one.issued_at, "created_at": one.issued_at,
                    "updated_at": one.issued_at,
                }
            )  # fmt: skip
    world.load("raw_nexacloud.invoices", invoices)
    items = [
        {
            "id": f"{row['id']}-base", "invoice_id": row["id"], "kind": "base",
            "period_start": row["period_start"], "period_end": row["period_end"], "quantity": 1,
            "unit_price": row["subtotal"], "amount": row["subtotal"],
            "created_at": row["created_at"],
        }
        for row in invoices
    ]  # fmt: skip
    world.load("raw_nexacloud.invoice_items", items)


@pytest.fixture(scope="module")
def told(rating_dbt: Dbt) -> list[Held]:
    return stories(SEED, COUNT, World("", rating_dbt).as_of)


@pytest.fixture(scope="module")
def closed(cluster: Cluster, rating_dbt: Dbt, told: list[Held]) -> World:
    world = fresh_world(cluster, rating_dbt)
    _write(world, told)
    world.dbt.build(
        ["path:dbt_project/models/staging"], {"as_of": world.as_of.isoformat()}, ("model", "seed")
    )
    world.rate(MARTS)
    return world


def test_the_stories_have_all_that_can_happen(closed: World, told: list[Held]) -> None:
    assert {name for held in told for *_, name in movements(held, closed.as_of)} == {
        "new", "reactivation", "expansion", "contraction", "churn"
    }  # fmt: skip
    standing = [one for held in told for one in unbilled(held, closed.as_of).values()]
    assert all(any(one[part] for one in standing) for part in range(3))


def test_base_lines_are_those_that_the_calendar_gives(closed: World, told: list[Held]) -> None:
    found = closed.query(
        "select external_subscription_id as name, sum(amount) as amount"
        " from intermediate.int_rated_lines where kind = 'base' group by 1"
    )
    right = {held.name: sum(one.amount for one in bases(held, closed.as_of)) for held in told}
    assert {row["name"]: row["amount"] for row in found} == right


def test_recurring_revenue_is_the_oracle_s(closed: World, told: list[Held]) -> None:
    found = closed.query("select * from marts.fct_mrr where mrr_amount <> 0")
    right = {
        (held.name, *key): amount
        for held in told
        for key, amount in mrr(held, closed.as_of).items()
    }
    assert {_key(row, "month_on"): row["mrr_amount"] for row in found} == right
    assert len(right) > COUNT


def test_movements_are_the_oracle_s(closed: World, told: list[Held]) -> None:
    found = closed.query("select * from marts.fct_mrr_movements")
    right = {
        (held.name, *key): amount
        for held in told
        for key, amount in movements(held, closed.as_of).items()
    }
    assert {(*_key(row, "month_on"), row["movement"]): row["amount"] for row in found} == right


def test_unbilled_and_deferred_are_the_oracle_s_to_the_cent(
    closed: World, told: list[Held]
) -> None:
    found = closed.query("select * from marts.rpt_unbilled")
    right = {
        (held.name, *key): standing
        for held in told
        for key, standing in unbilled(held, closed.as_of).items()
    }
    assert {_key(row, "month_end_on"): _standing(row) for row in found} == right
    assert sum(one.deferred for one in right.values()) > Decimal(1000)


def test_the_laws_of_recurring_revenue_hold(closed: World) -> None:
    closed.dbt.build(LAWS, {"as_of": closed.as_of.isoformat()}, types=("test",))


def _key(row: dict[str, Any], day: str) -> tuple[str, date, str]:
    return row["subscription_id"].removeprefix("nexacloud:"), row[day], row["currency"]


def _standing(row: dict[str, Any]) -> Standing:
    return Standing(row["accrued_amount"], row["deferred_amount"], row["overbilled_amount"])
