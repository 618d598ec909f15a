"""Sides that are hard to compare: a credit that a person gave, amounts in two currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rating_world import World
from recon_world import build

MAY = "2026-05-01 04:00:00+00"
RECONCILED = ("+fct_reconciliation_causes", "+fct_reconciliation")
HELD_IN_MAY = f"kind = 'base' and amount > 20 and service_period_start = '{MAY}'"


def _publish_and_credit(world: World) -> str:
    """May's lines of one subscription are in a document, ten of them were given back."""
    subscription = world.lines(HELD_IN_MAY)[0]["subscription_id"]
    lines = world.lines(f"subscription_id = '{subscription}' and service_period_start = '{MAY}'")
    world.publish(lines, "may")
    credit = {**lines[0], "line_key": "credit", "kind": "credit", "amount": Decimal("-10.00")}
    world.publish([{**credit, "corrects_period_start": MAY}], "credit")
    return str(subscription)


def _sell_in_two_currencies(world: World) -> str:
    """A fee in one currency, a charge of the first month in another."""
    plan = world.query("select id from raw_nexacloud.plans where code = 'vps-free'")[0]["id"]
    user = world.query("select id from raw_nexacloud.users limit 1")[0]["id"]
    world.load(
        "raw_nexacloud.subscriptions",
        [
            {"id": "both", "user_id": user, "plan_id": plan, "status": "active"}
            | {"started_at": MAY, "updated_at": MAY}
        ],
    )
    named = {"service": "nexacloud", "plan_code": "vps-free"}
    setup = {"charge": "setup", "charge_model": "one_off", "currency": "CAD", "base_fee": 30}
    world.seed("charges", [{**named, "currency": "USD", "base_fee": 10}, {**named, **setup}])
    return "nexacloud:both"


@pytest.fixture
def rows(changed: World) -> dict[str, dict[str, Any]]:
    """What the reconciliation says of both subscriptions in May."""
    names = {
        "credited": _publish_and_credit(changed),
        "two currencies": _sell_in_two_currencies(changed),
    }
    build(changed, RECONCILED)
    found: dict[str, dict[str, Any]] = {}
    for name, subscription_id in names.items():
        query = "select * from marts.fct_reconciliation where subscription_id = %s"
        (found[name],) = changed.query(f"{query} and period_start = %s", subscription_id, MAY)
    return found


def test_a_key_says_what_can_be_said(rows: dict[str, dict[str, Any]]) -> None:
    credited, several = rows["credited"], rows["two currencies"]
    assert credited["compared_side"] == "billed"
    assert credited["billed_amount"] == credited["expected_amount"] - 10
    assert (credited["status"], credited["causes"]) == ("explained", ["credited"])
    assert (credited["explained_amount"], credited["unexplained_amount"]) == (10, 0)
    # 10 USD and 30 CAD are not 40 of anything.
    assert several["status"] == "not_comparable"
