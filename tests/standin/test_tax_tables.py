"""Every invoice whose totals a real Odoo computed gets the same totals here, to the cent."""

from __future__ import annotations

from typing import Any

import pytest
from measured import measured
from odoo_lab import Lab

TAXES = {
    "HST13": "13% HST",
    "HST13_INC": "13% HST incl lab",
    "GST5": "5% GST",
    "QST9975": "9.975% QST",
    "GSTQST": "14.975% GST+QST",
}
METHODS = ("round_globally", "round_per_line")


def _amounts(row: dict[str, Any]) -> tuple[float, float, float]:
    return row["amount_untaxed"], row["amount_tax"], row["amount_total"]


def _case_lines(lab: Lab, case: dict[str, Any]) -> list[Any]:
    return [
        lab.line(
            line["price_unit"],
            line["quantity"],
            [lab.tax(TAXES[name]) for name in line["taxes"]],
            discount=line["discount"],
        )
        for line in case["input_lines"]
    ]


def _tax_cases(lab: Lab) -> list[dict[str, Any]]:
    """The recording of the build at hand: a later one does not round unit prices first."""
    found = measured("tax_cases")
    if not lab.is_later_build:
        return list(found)
    names = ("case", "precision", "rounding_method")
    later = {tuple(c[n] for n in names): c for c in measured("tax_cases_later_build")}
    return [later.get(tuple(c[n] for n in names), c) for c in found]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("precision", "places"), [("default_2", 2), ("six", 6)])
def test_totals_equal_odoos_on_every_tricky_invoice(
    lab: Lab, method: str, precision: str, places: int
) -> None:
    cases = [
        case
        for case in _tax_cases(lab)
        if case["precision"] == precision and case["rounding_method"] == method
    ]
    assert len(cases) == 13
    with lab.rounding(method), lab.digits(places):
        for case in cases:
            move_id = lab.invoice(*_case_lines(lab, case), place="nocountry")
            got = lab.move(move_id, "amount_untaxed", "amount_tax", "amount_total")
            assert _amounts(got) == _amounts(case), case["case"]
            fields = ("quantity", "price_unit", "discount", "price_subtotal", "price_total")
            lines = lab.lines(move_id, *fields, kind="product")
            shown = [{name: line[name] for name in fields} for line in lines]
            assert shown == case["odoo_lines"], case["case"]
            taxes = lab.lines(move_id, "name", "balance", kind="tax")
            told = sorted((line["name"], -line["balance"]) for line in taxes)
            assert told == sorted((t["tax"], t["amount"]) for t in case["tax_lines"]), case["case"]


@pytest.mark.parametrize("method", METHODS)
def test_every_province_gets_odoos_position_taxes_and_totals(lab: Lab, method: str) -> None:
    cases = [case for case in measured("province_taxes") if case["rounding"] == method]
    assert len(cases) == 102
    product = lab.product([lab.tax("13% HST")])
    with lab.rounding(method):
        vals = [
            {
                "move_type": "out_invoice",
                "partner_id": lab.partner(case["partner"]),
                "invoice_line_ids": [
                    (0, 0, {"product_id": product, "price_unit": float(price)})
                    for price in case["lines"]
                ],
            }
            for case in cases
        ]
        ids = lab.target.call("account.move", "create", vals)
    fields = ["fiscal_position_id", "amount_untaxed", "amount_tax", "amount_total"]
    moves = {row["id"]: row for row in lab.target.call("account.move", "read", ids, fields)}
    names = ["move_id", "display_type", "name", "balance", "tax_ids", "group_tax_id",
             "price_subtotal", "price_total"]  # fmt: skip
    lines = lab.target.call(
        "account.move.line", "search_read", [["move_id", "in", ids]], names, order="id"
    )
    for case, move_id in zip(cases, ids, strict=True):
        own = [line for line in lines if line["move_id"][0] == move_id]
        _check_province(lab, case, moves[move_id], own)


def _check_province(
    lab: Lab, case: dict[str, Any], move: dict[str, Any], lines: list[dict[str, Any]]
) -> None:
    where = (case["partner"], case["lines"])
    products = [line for line in lines if line["display_type"] == "product"]
    taxes = [line for line in lines if line["display_type"] == "tax"]
    position = move["fiscal_position_id"]
    assert (position[1] if position else False) == case["position"], where
    expected = [lab.tax(name) for name in case["tax_names"]]
    assert all(line["tax_ids"] == expected for line in products), where
    assert _amounts(move) == tuple(float(case[k]) for k in ("untaxed", "tax", "total")), where
    told = [
        [t["name"], f"{-t['balance']:.2f}", t["group_tax_id"][1] if t["group_tax_id"] else False]
        for t in taxes
    ]
    assert sorted(told, key=str) == sorted(case["tax_lines"], key=str), where
    assert [line["price_subtotal"] for line in products] == case["line_subtotals"], where
    assert [line["price_total"] for line in products] == case["line_totals"], where


def test_the_cent_of_one_rounding_lies_in_a_lines_balance(lab: Lab) -> None:
    tax = lab.tax("13% HST")
    with lab.rounding("round_globally"):
        move_id = lab.invoice(*[lab.line(33.35, 0.1, [tax]) for _ in range(3)])
    move = lab.move(move_id, "amount_untaxed", "amount_tax")
    lines = lab.lines(move_id, "price_subtotal", "balance", kind="product")
    assert (move["amount_untaxed"], move["amount_tax"]) == (10.01, 1.30)
    assert [line["price_subtotal"] for line in lines] == [3.34, 3.34, 3.34]
    assert [-line["balance"] for line in lines] == [3.33, 3.34, 3.34]


def test_an_entry_balances_to_zero(lab: Lab) -> None:
    tax = lab.tax("14.975% GST+QST")
    move_id = lab.invoice(*[lab.line(33.35, 0.1, [tax]) for _ in range(7)])
    balances = [line["balance"] for line in lab.lines(move_id, "balance")]
    assert round(sum(balances), 2) == 0
