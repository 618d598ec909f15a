"""What was billed and does not fit is an exception that holds lines, whatever the gate says."""

from __future__ import annotations

from typing import Any

import pytest
from rating_world import World
from recon_world import build

APRIL, MAY = "2026-04-01 04:00+00", "2026-05-01 04:00+00"


def _billed_too(world: World) -> str:
    """April of one subscription, which the app has invoiced, its gate closed."""
    [line, *_] = world.query(
        "select lines.* from marts.fct_invoice_lines as lines"
        " join marts.fct_reconciliation as r using (subscription_id)"
        f" where r.period_start = '{APRIL}' and lines.service_period_start = '{APRIL}'"
        " and r.status = 'match' order by lines.line_key"
    )
    subscription = str(line["subscription_id"])
    condition = f"subscription_id = '{subscription}' and service_period_start = '{APRIL}'"
    world.publish(world.lines(condition), "april")
    return subscription


def _may_lines(world: World, other_than: str) -> list[dict[str, Any]]:
    return world.lines(f"service_period_start = '{MAY}' and subscription_id <> '{other_than}'")


def _back_again(world: World, subscription: str) -> str:
    """Released as gone, published again, and then the first was reset to draft."""
    lines = world.lines(f"subscription_id = '{subscription}' and service_period_start = '{MAY}'")
    world.publish(lines, "first")
    world.execute(
        "update ops.publications set state = 'released', released_at = now(),"
        " finding = 'released_document_is_back', odoo_state = 'draft'"
        " where document_key = 'first'"
    )
    world.execute(
        "update ops.publication_lines set released_at = now() where document_key = 'first'"
    )
    world.publish(lines, "second")
    return subscription


@pytest.fixture
def built(changed: World) -> dict[str, Any]:
    """One of each, built once more."""
    twice = _billed_too(changed)
    may = {line["subscription_id"]: line for line in _may_lines(changed, twice)}
    back, other = [may[subscription] for subscription in sorted(may)][:2]
    by_another_zone = {**other["policies"], "timezone": "America/Vancouver"}
    changed.publish([{**other, "policies": by_another_zone}], "another-zone")
    return {
        "world": changed,
        "twice": twice,
        "back": _back_again(changed, str(back["subscription_id"])),
    }


def test_what_was_billed_and_does_not_fit_is_told_and_holds(built: dict[str, Any]) -> None:
    world: World = built["world"]
    build(world, ("*",), types=("model", "snapshot"))
    kinds = {
        (row["kind"], row["subscription_id"]): row
        for row in world.query("select * from serving.fct_billing_exceptions where is_blocking")
    }
    issued = kinds["double_issuer", built["twice"]]
    assert "Odoo holds document april, but the app has invoice" in issued["description"]
    [april] = world.query(
        "select * from marts.fct_reconciliation"
        f" where subscription_id = %s and period_start = '{APRIL}'",
        built["twice"],
    )
    assert april["expected_amount"] == april["actual_amount"] == april["billed_amount"] != 0
    assert april["status"] == "double_issuer"

    back = kinds["released_document_is_back", built["back"]]
    assert "Document first was released as gone, and Odoo holds it again" in back["description"]
    [may] = world.query(
        "select * from marts.fct_reconciliation"
        f" where subscription_id = %s and period_start = '{MAY}'",
        built["back"],
    )
    assert may["billed_amount"] == 2 * may["expected_amount"]
    assert may["status"] == "unexplained" or "changed_in_odoo" in may["causes"]

    policy = kinds["policy_changed_over_billed_time", None]
    for said in ("timezone was America/Vancouver", "is America/Toronto now", "another-zone"):
        assert said in policy["description"]
    free = world.query(
        "select line_key from marts.fct_invoice_lines as lines where service = 'nexacloud'"
        " and not exists (select from marts.fct_line_exceptions as held"
        " inner join serving.fct_billing_exceptions as exceptions using (exception_key)"
        " where held.line_key = lines.line_key and is_open and held.kind like '%policy_changed%')"
    )
    assert free == []
