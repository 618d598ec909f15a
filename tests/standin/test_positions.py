"""Which taxes a customer pays: the resolution rule and its traps, as measured."""

from __future__ import annotations

import time
from typing import Any

import pytest
from odoo_lab import Lab


def _resolved(lab: Lab, product: int, **vals: Any) -> tuple[str | bool, list[int]]:
    """The position's name and the taxes of a product line of 100.00."""
    move_id = lab.invoice((0, 0, {"product_id": product, "price_unit": 100}), **vals)
    position = lab.move(move_id, "fiscal_position_id")["fiscal_position_id"]
    [line] = lab.lines(move_id, "tax_ids", kind="product")
    return (position[1] if position else False), line["tax_ids"]


def _partner(lab: Lab, place: str, **vals: Any) -> int:
    values = {"name": lab.key("P")} | lab.address(place) | vals
    return int(lab.target.call("res.partner", "create", [values])[0])


def _position(lab: Lab, name: str) -> int:
    return lab.find("account.fiscal.position", [["name", "=like", f"{name}%"]])


TRAPS: dict[str, tuple[str, list[str], str | bool, list[str]]] = {
    # case: place, product's taxes, position, taxes
    "a Canadian without a province pays nothing": (
        "CA-nostate", ["13% HST"], "International (INTL)", ["0% Int"],
    ),
    "nobody knows where: taxes stay": ("nocountry", ["13% HST"], False, ["13% HST"]),
    "a product without taxes": ("ON", [], "Ontario (ON)", []),
    "GST becomes the group of Quebec": ("QC", ["5% GST"], "Quebec (QC)", ["14.975% GST+QST"]),
    "GST stays in Alberta": ("AB", ["5% GST"], "Alberta (AB)", ["5% GST"]),
    "QST alone stays beside HST: wrong, and Odoo's": (
        "ON", ["5% GST", "9.975% QST"], "Ontario (ON)", ["9.975% QST", "13% HST"],
    ),
    "exempt stays exempt": ("QC", ["0% Exempt"], "Quebec (QC)", ["0% Exempt"]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_taxes_are_mapped_as_measured(lab: Lab, name: str) -> None:
    place, sources, position, targets = TRAPS[name]
    product = lab.product([lab.tax(source) for source in sources])
    got = _resolved(lab, product, partner_id=lab.partner(place))
    assert got == (position, [lab.tax(target) for target in targets])


def test_a_position_by_hand_wins_also_for_contacts(lab: Lab) -> None:
    product = lab.product([lab.tax("13% HST")])
    by_hand = _partner(lab, "ON", property_account_position_id=_position(lab, "Quebec"))
    child = _partner(lab, "ON", parent_id=by_hand)
    for partner in (by_hand, child):
        got = _resolved(lab, product, partner_id=partner)
        assert got == ("Quebec (QC)", [lab.tax("14.975% GST+QST")])


def test_the_delivery_address_decides_and_an_invoice_address_does_not(lab: Lab) -> None:
    product = lab.product([lab.tax("13% HST")])
    parent = _partner(lab, "ON")
    _partner(lab, "QC", parent_id=parent, type="invoice")
    assert _resolved(lab, product, partner_id=parent)[0] == "Ontario (ON)"
    delivery = _partner(lab, "AB", parent_id=parent, type="delivery")
    assert _resolved(lab, product, partner_id=parent) == ("Alberta (AB)", [lab.tax("5% GST")])
    move_id = lab.invoice(partner_id=parent)
    assert lab.move(move_id, "partner_shipping_id")["partner_shipping_id"][0] == delivery


def test_moving_a_draft_to_another_customer_keeps_its_taxes(lab: Lab) -> None:
    product = lab.product([lab.tax("13% HST")])
    move_id = lab.invoice((0, 0, {"product_id": product, "price_unit": 100}))
    lab.target.call("account.move", "write", [move_id], {"partner_id": lab.partner("QC")})
    assert lab.move(move_id, "fiscal_position_id")["fiscal_position_id"][1] == "Quebec (QC)"
    [line] = lab.lines(move_id, "tax_ids", kind="product")
    assert line["tax_ids"] == [lab.tax("13% HST")]


def test_a_customer_who_moves_leaves_open_drafts_as_they_are(lab: Lab) -> None:
    partner = _partner(lab, "ON")
    move_id = lab.invoice(partner_id=partner)
    lab.target.call("res.partner", "write", [partner], lab.address("QC"))
    lab.target.call("account.move", "action_post", [move_id])
    got = lab.move(move_id, "fiscal_position_id", "amount_tax")
    assert (got["fiscal_position_id"][1], got["amount_tax"]) == ("Ontario (ON)", 13.0)


def test_a_sent_position_stays_and_maps_nothing_that_was_sent(lab: Lab) -> None:
    row = lab.row(**{"fiscal_position_id/.id": str(_position(lab, "Quebec"))})
    [move_id] = lab.load(row)["ids"]
    assert lab.move(move_id, "fiscal_position_id")["fiscal_position_id"][1] == "Quebec (QC)"
    [line] = lab.lines(move_id, "tax_ids", kind="product")
    assert line["tax_ids"] == [lab.tax("13% HST")]


def test_the_tables_tell_the_same_mapping_three_ways(lab: Lab) -> None:
    call = lab.target.call
    positions = call(
        "account.fiscal.position", "search_read", [["auto_apply", "=", True]],
        ["name", "tax_ids", "tax_map", "state_ids", "sequence"], order="sequence, id",
    )  # fmt: skip
    taxes = {
        tax["id"]: tax
        for tax in call(
            "account.tax", "search_read", [], ["original_tax_ids", "fiscal_position_ids"]
        )
    }
    assert [p["name"] for p in positions][-1] == "International (INTL)"
    for position in positions:
        mapping: dict[str, list[int]] = {}
        for tax_id in position["tax_ids"]:
            assert position["id"] in taxes[tax_id]["fiscal_position_ids"]
            for source in taxes[tax_id]["original_tax_ids"]:
                mapping.setdefault(str(source), []).append(tax_id)
        assert position["tax_map"] == mapping, position["name"]


def test_linking_a_tax_to_a_position_bumps_as_measured(standin_lab: Lab) -> None:
    """From the position's side both are bumped, from the tax's side the tax alone."""
    lab = standin_lab
    call = lab.target.call
    [tax] = call("account.tax", "create", [{"name": lab.key("t"), "amount": 1}])
    [position] = call("account.fiscal.position", "create", [{"name": lab.key("fp")}])

    def stamp(model: str, record: int) -> str:
        return str(call(model, "read", [record], ["write_date"])[0]["write_date"])

    first = (stamp("account.fiscal.position", position), stamp("account.tax", tax))
    time.sleep(1.01)
    call("account.tax", "write", [tax], {"fiscal_position_ids": [(6, 0, [position])]})
    second = (stamp("account.fiscal.position", position), stamp("account.tax", tax))
    assert second[0] == first[0]
    assert second[1] > first[1]
    [read] = call("account.fiscal.position", "read", [position], ["tax_ids"])
    assert read["tax_ids"] == [tax]
    time.sleep(1.01)
    call("account.fiscal.position", "write", [position], {"tax_ids": [(6, 0, [tax])]})
    assert stamp("account.tax", tax) > second[1]
    assert stamp("account.fiscal.position", position) > second[0]


def test_a_foreign_currency_is_converted_and_one_without_a_rate_counts_as_one(lab: Lab) -> None:
    call = lab.target.call
    usd = lab.find("res.currency", [["name", "=", "USD"]])
    rates = call("res.currency.rate", "search", [["currency_id", "=", usd]])
    if not rates:
        call("res.currency.rate", "create",
             [{"currency_id": usd, "name": "2026-01-01", "rate": 0.714286}])  # fmt: skip
    move_id = lab.invoice(lab.line("100.02", taxes=[lab.tax("13% HST")]), currency_id=usd)
    got = lab.move(move_id, "amount_total", "amount_total_signed", "invoice_currency_rate")
    assert got["amount_total"] == 113.02
    assert got["amount_total_signed"] == pytest.approx(
        113.02 / got["invoice_currency_rate"], abs=0.02
    )
    balances = [line["balance"] for line in lab.lines(move_id, "balance")]
    assert round(sum(balances), 2) == 0
    jpy = call("res.currency", "search", [["name", "=", "JPY"]], context={"active_test": False})
    yen = lab.invoice(lab.line(100, taxes=[lab.tax("13% HST")]), currency_id=jpy[0])
    got = lab.move(yen, "amount_total", "amount_total_signed")
    assert (got["amount_total"], got["amount_total_signed"]) == (113.0, 113.0)
