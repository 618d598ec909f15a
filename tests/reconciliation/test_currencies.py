"""Every rounding asks the currency: 13 % of 323 yen are 42, of 10.12 dinars 1.316; `jpy` is JPY."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rating_world import World
from recon_world import build

MAY, JUNE = "2026-05-01 04:00:00+00", "2026-06-01 04:00:00+00"
READ = ("fct_reconciliation", "rpt_invoice_integrity", "rpt_tax_by_province")
ONTARIO = """
    select external_customer_id as id, partner_province as province from marts.dim_customers
    where service = 'nexacloud' and is_taxable_resolved and tax_components @> '[{"rate": "13"}]'
    limit 1
"""
# Subscription, currency as the app writes it, price, tax, amount of its one item.
SOLD = (
    ("yen", "jpy", "323", "42", "323"),
    ("yen-gross", "JPY", "323", "0", "365"),
    ("dinar", "KWD", "10.12", "1.316", "10.12"),
)


def _sell(world: World, user: str, name: str, currency: str, price: str) -> None:
    """A plan in this currency, held in all of May."""
    terms = {"id": name, "code": name, "name": name, "currency": currency, "price": price}
    dates = {"created_at": MAY, "updated_at": MAY}
    world.load("raw_nexacloud.plans", [{**terms, "billing_interval": "month", **dates}])
    held = {"id": name, "user_id": user, "plan_id": name, "status": "active", "started_at": MAY}
    world.load("raw_nexacloud.subscriptions", [{**held, **dates}])


def _invoice(world: World, user: str, name: str, currency: str, tax: str, amount: str) -> None:
    """May's invoice: one item at the plan's price, the tax apart or, where it is 0, inside."""
    (plan,) = world.query("select price from raw_nexacloud.plans where id = %s", name)
    whose = {"id": name, "number": name, "user_id": user, "subscription_id": name}
    total = {"subtotal": amount, "tax": tax, "total": Decimal(amount) + Decimal(tax)}
    span = {"period_start": MAY, "period_end": JUNE, "created_at": JUNE}
    stamp = {"status": "paid", "issued_at": JUNE, "updated_at": JUNE}
    world.load(
        "raw_nexacloud.invoices", [{**whose, **total, **span, **stamp, "currency": currency}]
    )
    item = {"invoice_id": name, "quantity": 1, "unit_price": plan["price"], **span}
    items = [{**item, "id": name, "kind": "base", "description": "plan", "amount": amount}]
    if Decimal(tax):
        items.append({**item, "id": f"{name} tax", "kind": "tax", "amount": tax, "quantity": None})
    world.load("raw_nexacloud.invoice_items", items)


def _month(world: World) -> dict[str, Any]:
    """What the marts say of May in yen and dinars."""
    keys = "external_subscription_id = any(%s)"
    names = [name for name, *_ in SOLD]
    rows = world.query(f"select * from marts.fct_reconciliation where {keys}", names)
    findings = world.query(f"select * from marts.rpt_invoice_integrity where {keys}", names)
    taxes = world.query(
        "select currency, province, tax_amount, province_tax_amount from marts.rpt_tax_by_province"
        " where currency in ('JPY', 'KWD')"
    )
    return {
        "rows": {row["external_subscription_id"]: row for row in rows if row["actual_amount"]},
        "findings": findings,
        "taxes": {row["currency"]: row for row in taxes},
    }


@pytest.fixture
def month(changed: World) -> dict[str, Any]:
    held = {row["name"] for row in changed.query("select name from raw_odoo.res_currency")}
    more = [(90001, "JPY", 0), (90002, "KWD", 3)]
    changed.load(
        "raw_odoo.res_currency",
        [
            {"id": number, "name": name, "decimal_places": places, "active": True}
            for number, name, places in more
            if name not in held
        ],
    )
    (user,) = changed.query(ONTARIO)
    for name, currency, price, tax, amount in SOLD:
        _sell(changed, user["id"], name, currency, price)
        _invoice(changed, user["id"], name, currency, tax, amount)
    build(changed, [f"+{name}" for name in READ], types=("model", "snapshot"))
    return _month(changed)


def test_a_tax_has_the_decimals_of_its_currency_everywhere(month: dict[str, Any]) -> None:
    yen, gross, dinar = (month["rows"][name] for name, *_ in SOLD)
    assert (yen["currency"], yen["status"]) == ("JPY", "match")
    assert (yen["expected_tax_amount"], yen["tax_delta_amount"]) == (42, 0)
    assert (dinar["currency"], dinar["status"]) == ("KWD", "match")
    assert (dinar["expected_tax_amount"], dinar["tax_delta_amount"]) == (Decimal("1.316"), 0)
    assert (gross["status"], gross["causes"]) == ("explained", ["tax_included"])
    assert (gross["delta_amount"], gross["explained_amount"]) == (-42, -42)
    wrong = {finding["external_subscription_id"]: finding for finding in month["findings"]}
    assert set(wrong) == {"yen-gross"}  # it charges no tax at all
    assert wrong["yen-gross"]["description"].startswith("the tax is 0, ")
    # 42 on 323, and 47 on the 365 that the gross invoice calls its net.
    assert month["taxes"]["JPY"]["province_tax_amount"] == 42 + 47
    assert month["taxes"]["KWD"]["province_tax_amount"] == Decimal("1.316")
