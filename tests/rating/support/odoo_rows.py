"""Rows of a small Odoo: a company in Ontario, its taxes by province, partners, links, products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nexacloud_rows import LONG_AGO, Row

if TYPE_CHECKING:
    from rating_world import World

CANADA = 38
PROVINCES = {"ON": 541, "AB": 535, "QC": 543}
# The percentages of each province, and the taxes that charge them.
RATES = {"ON": ("13",), "AB": ("5",), "QC": ("5", "9.975")}
_TAX_IDS = {"ON": [11], "AB": [12], "QC": [12, 13]}
_PERCENT = {11: "13", 12: "5", 13: "9.975"}


def chart(world: World) -> None:
    """A company in Ontario with the taxes and positions of three provinces; service nexacloud."""
    world.load("raw_odoo.res_company", [{"id": 1, "name": "Nexa", "account_sale_tax_id": 11}])
    world.load("raw_odoo.res_country", [{"id": CANADA, "code": "CA", "name": "Canada"}])
    world.load(
        "raw_odoo.res_country_state",
        [
            {"id": state_id, "code": code, "name": code, "country_id": CANADA}
            for code, state_id in PROVINCES.items()
        ],
    )
    world.load("raw_odoo.account_tax", [_tax(tax_id) for tax_id in _PERCENT])
    world.load(
        "raw_odoo.account_fiscal_position",
        [_position(number, code) for number, code in enumerate(PROVINCES, start=1)],
    )
    world.load("raw_odoo.fusion_billing_service", [{"id": 1, "code": "nexacloud"}])


def _tax(tax_id: int) -> Row:
    return {
        "id": tax_id,
        "name": f"{_PERCENT[tax_id]}%",
        "amount": _PERCENT[tax_id],
        "amount_type": "percent",
        "type_tax_use": "sale",
        "sequence": tax_id,
        "active": True,
        "company_id": 1,
        "original_tax_ids": [11],
    }


def _position(number: int, code: str) -> Row:
    return {
        "id": number,
        "name": code,
        "sequence": number,
        "active": True,
        "auto_apply": True,
        "country_id": CANADA,
        "state_ids": [PROVINCES[code]],
        "tax_ids": _TAX_IDS[code],
        "company_id": 1,
    }


def partner(number: int, province: str | None = "ON", **changes: Any) -> Row:
    return {
        "id": number,
        "name": f"Partner {number}",
        "is_company": True,
        "commercial_partner_id": number,
        "type": "contact",
        "active": True,
        "country_id": CANADA,
        "state_id": PROVINCES.get(province or ""),
        "create_date": LONG_AGO,
        "write_date": LONG_AGO,
        **changes,
    }


def delivery(number: int, parent_id: int, province: str, **changes: Any) -> Row:
    place = {"type": "delivery", "is_company": False, "parent_id": parent_id}
    return partner(number, province, **place | {"commercial_partner_id": parent_id} | changes)


def link(number: int, account: str, partner_id: int, **changes: Any) -> Row:
    return {
        "id": number,
        "service_id": 1,
        "external_account_id": account,
        "partner_id": partner_id,
        "write_date": LONG_AGO,
        **changes,
    }


def product(number: int, code: str, **changes: Any) -> Row:
    return {
        "id": number,
        "default_code": code,
        "active": True,
        "taxes_id": [11],
        "create_date": LONG_AGO,
        "write_date": LONG_AGO,
        **changes,
    }
