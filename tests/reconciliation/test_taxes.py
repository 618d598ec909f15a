"""Taxes by province, through the loaded chart of a Canadian Odoo: its positions and rates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rating_world import World
from recon_world import build

# Province, and the percentages that a company in Ontario charges there: measured on an Odoo 19.
PROVINCES = {
    "AB": ("5",),
    "BC": ("5", "7"),
    "MB": ("5", "7"),
    "NB": ("15",),
    "NL": ("15",),
    "NS": ("14",),
    "NT": ("5",),
    "NU": ("5",),
    "ON": ("13",),
    "PE": ("15",),
    "QC": ("5", "9.975"),
    "SK": ("5", "6"),
    "YT": ("5",),
}
FIRST_ID = 90_000


def _partner(number: int, **place: Any) -> dict[str, Any]:
    identity = FIRST_ID + number
    return {
        "id": identity,
        "name": f"Partner {number}",
        "is_company": True,
        "commercial_partner_id": identity,
        "type": "contact",
        "active": True,
        **place,
    }


def _resolve(changed: World, partners: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    changed.load("raw_odoo.res_partner", partners)
    build(changed, ("+int_partner_taxes",))
    rows = changed.query("select * from intermediate.int_partner_taxes where partner_id >= 90000")
    return {row["partner_id"] - FIRST_ID: row for row in rows}


def _rates(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(component["rate"] for component in row["components"])


@pytest.fixture
def geography(changed: World) -> dict[str, int]:
    rows = changed.query(
        "select s.code, s.id, c.id as country from raw_odoo.res_country_state as s"
        " join raw_odoo.res_country as c on s.country_id = c.id where c.code = 'CA'"
    )
    countries = changed.query("select code, id from raw_odoo.res_country")
    return {row["code"]: row["id"] for row in rows} | {
        f"country {row['code']}": row["id"] for row in countries
    }


def test_each_province_gets_its_taxes_and_the_traps_get_none(
    changed: World, geography: dict[str, int]
) -> None:
    canada = geography["country CA"]
    places = list(PROVINCES)
    partners = [
        _partner(number, country_id=canada, state_id=geography[code])
        for number, code in enumerate(places)
    ]
    partners += [
        _partner(100, country_id=geography["country US"]),
        _partner(101, country_id=geography["country DE"]),
        _partner(102, country_id=canada),
        _partner(103),
        _partner(104, country_id=canada, state_id=geography["ON"]),
        _partner(105, parent_id=FIRST_ID + 104, type="delivery", is_company=False)
        | {"country_id": canada, "state_id": geography["AB"]},
    ]
    resolved = _resolve(changed, partners)
    for number, code in enumerate(places):
        assert _rates(resolved[number]) == PROVINCES[code], code
        assert resolved[number]["is_taxable_resolved"], code
    for abroad in (100, 101):
        assert resolved[abroad]["rate_percent"] == Decimal(0)
        assert resolved[abroad]["is_taxable_resolved"]
    assert resolved[102]["problem"] == "canada_without_province"
    assert resolved[103]["problem"] == "no_country"
    assert not resolved[102]["is_taxable_resolved"]
    # Taxes follow the place of delivery, as Odoo's own positions do.
    assert _rates(resolved[104]) == PROVINCES["AB"]
