"""What goes wrong in the sources becomes an exception of its kind, with a stake and words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rating_world import World
from recon_world import build

MAY, JUNE = "2026-05-01 04:00:00+00", "2026-06-01 04:00:00+00"
ISSUED = "2026-06-01 10:00:00+00"


def _user(world: World) -> dict[str, Any]:
    return world.query(
        "select u.id, s.id as subscription_id, p.code as plan_code from raw_nexacloud.users as u"
        " join raw_nexacloud.subscriptions as s on s.user_id = u.id"
        " join raw_nexacloud.plans as p on p.id = s.plan_id"
        " where p.code = 'odoo-large-tor'"
    )[0]


def _invoice(number: str, user: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "id": number,
        "number": number,
        "user_id": user["id"],
        "subscription_id": user["subscription_id"],
        "period_start": MAY,
        "period_end": JUNE,
        "status": "paid",
        "currency": "CAD",
        "subtotal": 120,
        "tax": Decimal("15.60"),
        "total": Decimal("135.60"),
        "issued_at": ISSUED,
        **other,
    }


def _base(number: str, amount: str = "120") -> dict[str, Any]:
    return {
        "id": f"item {number}",
        "invoice_id": number,
        "kind": "base",
        "period_start": MAY,
        "period_end": JUNE,
        "description": "odoo-large-tor: May",
        "quantity": 1,
        "unit_price": 120,
        "amount": Decimal(amount),
    }


@pytest.fixture
def exceptions(changed: World) -> dict[str, list[dict[str, Any]]]:
    """A world in which one of each thing went wrong, built once more; exceptions by kind."""
    user = _user(changed)
    strangers = [
        {"id": "lost", "email": "nobody@example.com", "full_name": "Lost"},
        {"id": "twice", "email": "twice@example.com", "full_name": "Twice"},
    ]
    changed.load("raw_nexacloud.users", strangers)
    plan = changed.query("select id from raw_nexacloud.plans where code = 'vps-free'")[0]["id"]
    changed.load(
        "raw_nexacloud.subscriptions",
        [
            {"id": f"of {one['id']}", "user_id": one["id"], "plan_id": plan, "status": "active"}
            | {"started_at": MAY, "updated_at": MAY}
            for one in strangers
        ],
    )
    changed.load(
        "raw_odoo.res_partner",
        [
            {"id": number, "name": f"Twin {number}", "email": "TWICE@example.com", "active": True}
            | {"commercial_partner_id": number}
            for number in (80_001, 80_002)
        ],
    )
    changed.load(
        "raw_nexacloud.invoices",
        [
            _invoice("NC-2026-0012", user),
            _invoice("NC-2026-0013", user, issued_at="2026-06-01 11:00:00+00"),
            _invoice("NC-2026-0014", user, subtotal=125, tax=7, status="uncollectible"),
        ],
    )
    numbers = ("NC-2026-0012", "NC-2026-0013", "NC-2026-0014")
    changed.load("raw_nexacloud.invoice_items", [_base(number) for number in numbers])
    # An amount that nothing explains, on an invoice that was right.
    changed.execute(
        "update raw_nexacloud.invoices set subtotal = subtotal + 13.37, total = total + 13.37"
        " where number = 'NC-2026-0002'"
    )
    changed.execute(
        "update raw_nexacloud.invoice_items as items set amount = amount + 13.37"
        " from raw_nexacloud.invoices"
        " where invoices.id = items.invoice_id and number = 'NC-2026-0002' and kind = 'base'"
    )
    changed.execute("update raw_odoo.fusion_billing_usage set quantity = quantity - 5 where id = 1")
    # The sample's Odoo was written and loaded today, after the world's as_of.
    changed.execute(
        "update snapshots.odoo_fusion_billing_charge set _valid_from = '2026-01-01',"
        " write_date = '2026-01-01'"
    )
    changed.execute(
        "update raw_odoo.fusion_billing_charge set price_per_unit = price_per_unit * 2,"
        " write_date = '2026-06-02' where plan_code = 'odoo-large-tor'"
    )
    changed.insert(
        "ops.cutover_gates",
        [
            {
                "service": "nexacloud",
                "external_subscription_id": user["subscription_id"],
                "decision": "open",
                "from_period_start": MAY,
                "decided_by": "dana",
            }
        ],
    )
    build(changed, ("*",))
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in changed.query("select * from serving.fct_billing_exceptions"):
        kinds.setdefault(row["kind"], []).append(row)
    return kinds


def test_what_nobody_explained_closes_the_gate_and_holds_no_line(
    changed: World, exceptions: dict[str, list[dict[str, Any]]]
) -> None:
    unexplained = {row["subscription_id"] for row in exceptions["reconciliation_unexplained"]}
    blocking = {
        row["subscription_id"] for rows in exceptions.values() for row in rows if row["is_blocking"]
    }
    only = sorted(unexplained - blocking)
    assert only
    ready = changed.query(
        "select is_ready, has_no_exception from serving.cutover_readiness"
        " where subscription_id = any(%s)",
        only,
    )
    assert ready
    assert not any(row["is_ready"] or row["has_no_exception"] for row in ready)
    lines = changed.query(
        "select blocked_reason from serving.fct_invoice_line_status"
        " where subscription_id = any(%s) and not is_published",
        only,
    )
    assert lines
    assert not any("exception" in (row["blocked_reason"] or "") for row in lines)


def test_each_kind_of_trouble_is_told_with_what_to_do(
    exceptions: dict[str, list[dict[str, Any]]],
) -> None:
    expected = {
        "customer_unmatched": ("critical", True, "matches no Odoo partner"),
        "customer_ambiguous": ("critical", True, "80001, 80002"),
        "double_issuer": ("critical", True, "Odoo issues from 2026-05-01 on"),
        "invoice_number_gap": ("low", False, "between NC-2026-0009 and NC-2026-0012"),
        "invoice_duplicate_invoice": ("high", False, "NC-2026-0013 repeats NC-2026-0012"),
        "invoice_items_do_not_add_up": ("medium", False, "the invoice says 125.00"),
        "invoice_tax_is_not_the_province_s": ("medium", False, "ON asks for 16.25"),
        "usage_drift": ("medium", False, "usage is missing in the rollup"),
        "catalogue_drift": ("medium", False, "price differ"),
        "one_off_unmatched": ("low", False, "NC-2026-0007"),
        "reconciliation_unexplained": ("high", False, "is unexplained"),
    }
    for kind, (severity, is_blocking, words) in expected.items():
        rows = exceptions[kind]
        assert {row["severity"] for row in rows} == {severity}, kind
        assert {row["is_blocking"] for row in rows} == {is_blocking}, kind
        assert any(words in row["description"] for row in rows), (kind, rows)
        assert all(row["what_to_do"] and row["owner"] for row in rows), kind
    drift = exceptions["catalogue_drift"][0]
    assert drift["subject"] == "odoo-large-tor cpu_seconds"
