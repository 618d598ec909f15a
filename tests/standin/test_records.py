"""Partners, products and orders: loading, following each other, archiving, deleting."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from odoo_lab import Lab

UPDATE: dict[str, Any] = {"tracking_disable": True}


def _read(lab: Lab, model: str, record: int, *fields: str) -> dict[str, Any]:
    [row] = lab.target.call(model, "read", [record], list(fields))
    return dict(row)


# --------------------------------------------------------------------------------------- partners


@pytest.mark.parametrize("code", ["AB", "NT", "NB", "NL"])
def test_a_bare_province_code_may_be_anothers(lab: Lab, code: str) -> None:
    row = {"id": lab.xid("p"), "name": "x", "country_id": "CA", "state_id": code}
    answer = lab.load_on("res.partner", row)
    [warning] = answer["messages"]
    assert warning["type"] == "warning"
    assert re.match(f"Found multiple matches for value ['\"]{code}['\"]", warning["message"])
    state = _read(lab, "res.partner", answer["ids"][0], "state_id")["state_id"]
    # Which one it takes is chance: the first that this database happens to find.
    [found] = lab.target.call("res.country.state", "read", [state[0]], ["code"])
    assert found["code"] == code
    if lab.target.is_standin:
        assert state[0] != lab.state(code)


def test_a_province_by_external_id_is_sure(lab: Lab) -> None:
    row = {"id": lab.xid("p"), "name": "x", "country_id/id": "base.ca",
           "state_id/id": "base.state_ca_qc"}  # fmt: skip
    answer = lab.load_on("res.partner", row)
    assert answer["messages"] == []
    assert _read(lab, "res.partner", answer["ids"][0], "state_id")["state_id"][0] == lab.state("QC")


@pytest.mark.parametrize(("column", "cell", "words"), [
    ("lang", "fr_CA", "Value 'fr_CA' not found in selection field 'Language'"),
    ("is_company", "maybe", "Unknown value 'maybe' for boolean field 'Is a Company'"),
    ("name", "", "Contacts require a name"),
    ("state_id", "Nowhere", "No matching record found for name 'Nowhere' in field 'State'"),
])  # fmt: skip
def test_a_bad_cell_of_a_partner_is_told(lab: Lab, column: str, cell: str, words: str) -> None:
    answer = lab.load_on("res.partner", {"id": lab.xid("p"), "name": "x"} | {column: cell})
    assert answer["ids"] is False
    assert words in [message["message"] for message in answer["messages"]]


@pytest.mark.parametrize(("cell", "expected"), [("", False), (False, False), ("n@x", "n@x")])
def test_one_column_updates_or_clears_one_field(lab: Lab, cell: Any, expected: Any) -> None:
    xid = lab.xid("p")
    row = {"id": xid, "name": "x", "email": "old@x", "ref": "keep"}
    [partner] = lab.load_on("res.partner", row, context=UPDATE)["ids"]
    lab.load_on("res.partner", {"id": xid, "email": cell}, context=UPDATE)
    got = _read(lab, "res.partner", partner, "email", "ref")
    assert (got["email"], got["ref"]) == (expected, "keep")
    answer = lab.load_on("res.partner", {".id": str(partner), "ref": "by number"}, context=UPDATE)
    assert answer["ids"] == [partner]


def test_adopting_a_record_made_by_hand_makes_a_duplicate(lab: Lab) -> None:
    [partner] = lab.target.call("res.partner", "create", [{"name": lab.key("Hand")}])
    row = {"id": lab.xid("p"), ".id": str(partner), "name": "adopted"}
    [loaded] = lab.load_on("res.partner", row, context=UPDATE)["ids"]
    assert loaded != partner


def test_archiving_and_deleting_by_load_and_unlink(lab: Lab) -> None:
    xid = lab.xid("p")
    [partner] = lab.load_on("res.partner", {"id": xid, "name": "x"}, context=UPDATE)["ids"]
    lab.load_on("res.partner", {"id": xid, "active": "0"}, context=UPDATE)
    assert _read(lab, "res.partner", partner, "active")["active"] is False
    assert lab.load_on("res.partner", {"id": xid, "name": "y"}, context=UPDATE)["ids"] == [partner]
    lab.target.call("res.partner", "unlink", [partner])
    assert lab.load_on("res.partner", {"id": xid, "name": "z"}, context=UPDATE)["ids"] != [partner]


def test_a_partner_with_invoices_is_not_deleted(lab: Lab) -> None:
    vals = {"name": lab.key("Billed")} | lab.address("ON")
    [partner] = lab.target.call("res.partner", "create", [vals])
    lab.invoice(partner_id=partner)
    refusal = lab.target.refusal("res.partner", "unlink", [partner])
    assert refusal.message == "The partner cannot be deleted because it is used in Accounting"


# --------------------------------------------------------------------------------------- products


def test_a_template_and_its_variant_follow_each_other(lab: Lab) -> None:
    call = lab.target.call
    code = lab.key("PC")
    taxes = f"{lab.tax('5% GST')},{lab.tax('9.975% QST')}"
    row = {"id": lab.xid("t"), "name": "Prod", "default_code": code, "list_price": "12.345",
           "type": "Service", "taxes_id/.id": taxes}  # fmt: skip
    [template] = lab.load_on("product.template", row)["ids"]
    got = _read(lab, "product.template", template, "list_price", "type", "product_variant_ids")
    kept = 12.345 if lab.is_later_build else 12.35
    assert (got["list_price"], got["type"]) == (kept, "service")
    [variant] = got["product_variant_ids"]
    assert call("product.product", "get_external_id", [variant]) == {str(variant): ""}
    assert (
        _read(lab, "product.product", variant, "display_name")["display_name"] == f"[{code}] Prod"
    )
    time.sleep(1.01)
    before = _read(lab, "product.product", variant, "write_date")["write_date"]
    call("product.template", "write", [template], {"default_code": f"{code}x", "active": False})
    got = _read(lab, "product.product", variant, "default_code", "active", "write_date")
    assert (got["default_code"], got["active"]) == (f"{code}x", False)
    assert got["write_date"] > before


def test_a_loaded_variant_names_its_template_too(lab: Lab) -> None:
    xid = lab.xid("v")
    [variant] = lab.load_on("product.product", {"id": xid, "name": "V"})["ids"]
    template = _read(lab, "product.product", variant, "product_tmpl_id")["product_tmpl_id"][0]
    named = lab.target.call("product.template", "get_external_id", [template])
    assert named == {str(template): f"{xid}_product_template"}


def test_a_product_without_a_tax_column_gets_the_companys_tax(lab: Lab) -> None:
    [template] = lab.load_on("product.template", {"id": lab.xid("t"), "name": "D"})["ids"]
    taxes = _read(lab, "product.template", template, "taxes_id")["taxes_id"]
    assert lab.tax("13% HST") in taxes
    row = {"id": lab.xid("t"), "name": "N", "taxes_id/.id": ""}
    [template] = lab.load_on("product.template", row)["ids"]
    assert _read(lab, "product.template", template, "taxes_id")["taxes_id"] == []


# ----------------------------------------------------------------------------------------- orders


def _order(lab: Lab, **columns: Any) -> dict[str, Any]:
    row = {"id": lab.xid("so"), "partner_id/.id": str(lab.partner("QC")),
           "order_line/product_id/.id": str(lab.product([lab.tax("13% HST")])),
           "order_line/name": "line", "order_line/product_uom_qty": "2"}  # fmt: skip
    return row | {name.replace("__", "/"): value for name, value in columns.items()}


def test_an_order_takes_prices_and_taxes_from_the_product(lab: Lab) -> None:
    [order] = lab.load_on("sale.order", _order(lab))["ids"]
    got = _read(lab, "sale.order", order, "amount_untaxed", "amount_tax", "state", "order_line")
    assert (got["amount_untaxed"], got["amount_tax"], got["state"]) == (200.0, 29.95, "draft")
    [line] = got["order_line"]
    taxes = _read(lab, "sale.order.line", line, "tax_ids")["tax_ids"]
    assert taxes == [lab.tax("14.975% GST+QST")]


def test_an_order_repeats_like_an_invoice(lab: Lab) -> None:
    row = _order(lab)
    [order] = lab.load_on("sale.order", row, context=UPDATE)["ids"]
    lab.load_on("sale.order", row, context=UPDATE)
    assert len(_read(lab, "sale.order", order, "order_line")["order_line"]) == 2
    only = _order(lab)
    [other] = lab.load_on("sale.order", only)["ids"]
    lab.load_on("sale.order", only)
    assert len(_read(lab, "sale.order", other, "order_line")["order_line"]) == 1


@pytest.mark.parametrize("column", ["order_line/tax_id", "order_line/product_uom"])
def test_columns_of_older_versions_are_refused(lab: Lab, column: str) -> None:
    row = _order(lab) | {column: "1"}
    refusal = lab.target.refusal("sale.order", "load", list(row), [list(row.values())])
    assert refusal.message == f"Invalid field name {column.split('/')[1]!r}"


def test_orders_are_confirmed_cancelled_and_then_deleted(lab: Lab) -> None:
    call = lab.target.call
    [order] = lab.load_on("sale.order", _order(lab))["ids"]
    call("sale.order", "action_confirm", [order])
    assert _read(lab, "sale.order", order, "state")["state"] == "sale"
    assert "must first cancel it" in lab.target.refusal("sale.order", "unlink", [order]).message
    call("sale.order", "action_cancel", [order])
    call("sale.order", "unlink", [order])
    assert call("sale.order", "read", [order], ["state"]) == []


# ------------------------------------------------------------------------------------ external ids


def test_metadata_names_author_and_external_ids(lab: Lab) -> None:
    row = lab.row()
    [move_id] = lab.load(row)["ids"]
    [data] = lab.target.call("account.move", "get_metadata", [move_id])
    assert data["xmlid"] == row["id"]
    assert data["noupdate"] is True
    assert data["create_uid"][0] == lab.target.client.env.uid
    [entry] = data["xmlids"]
    assert entry["xmlid"] == row["id"]
