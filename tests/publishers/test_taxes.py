"""The totals that we freeze are the totals that Odoo computes: its own tables are the truth."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from publishers.taxes import (
    Digits,
    TaxableLine,
    TaxComponent,
    Totals,
    document_totals,
    round_half_up,
)

DATA = Path(__file__).parent / "data"
# Two rows of Odoo's table hold an input that is no decimal (1.1149999999999998): Odoo's tolerant
# rounding takes it for 1.115. We send decimals that are quantised already, so it cannot arise.
BINARY_NOISE = {
    ("many_mixed", "default_2", "round_globally"),
    ("many_mixed", "default_2", "round_per_line"),
}


def _read(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((DATA / name).read_text(), parse_float=Decimal)
    return rows


LAB_TAXES: dict[Any, list[TaxComponent]] = {
    "HST13": [TaxComponent(11, Decimal(13))],
    "HST13_INC": [TaxComponent(41, Decimal(13), is_included=True)],
    "GST5": [TaxComponent(5, Decimal(5))],
    "QST9975": [TaxComponent(10, Decimal("9.975"))],
    "GSTQST": [
        TaxComponent(5, Decimal(5)),
        TaxComponent(10, Decimal("9.975")),
    ],
}


def _chart() -> dict[int, list[TaxComponent]]:
    rows = {row["id"]: row for row in _read("taxes.json")}
    return {
        tax_id: [
            TaxComponent(part, Decimal(rows[part]["amount"]))
            for part in row["children_tax_ids"] or [tax_id]
        ]
        for tax_id, row in rows.items()
    }


def _lab_totals(case: dict[str, Any]) -> Totals:
    digits = case["digits"]
    return document_totals(
        [
            TaxableLine(
                Decimal(line["quantity"]),
                Decimal(line["price_unit"]),
                tuple(line["taxes"]),
                Decimal(line["discount"]),
            )
            for line in case["input_lines"]
        ],
        LAB_TAXES,
        case["rounding_method"],
        digits=Digits(digits["Product_Price"], digits["Product_Unit"], digits["Discount"]),
    )


def test_totals_equal_odoos_on_every_lab_case_but_the_binary_noise() -> None:
    cases = _read("tax_cases.json")
    assert len(cases) == 52
    different = {
        (case["case"], case["precision"], case["rounding_method"])
        for case in cases
        if _lab_totals(case) != Totals(case["amount_untaxed"], case["amount_tax"])
    }
    assert different == BINARY_NOISE


def test_totals_equal_odoos_on_all_204_province_invoices() -> None:
    chart, cases = _chart(), _read("province_taxes.json")
    assert len(cases) == 204
    for case in cases:
        lines = [
            TaxableLine(Decimal(1), Decimal(amount), tuple(case["applied_tax_ids"]))
            for amount in case["lines"]
        ]
        totals = document_totals(lines, chart, case["rounding"])
        assert (str(totals.untaxed), str(totals.tax)) == (case["untaxed"], case["tax"]), case
        assert str(totals.total) == case["total"]


def test_the_two_rounding_methods_differ_where_odoos_do() -> None:
    lines = [TaxableLine(Decimal(1), Decimal("0.04"), ("HST13",))] * 10  # type: ignore[arg-type]
    assert document_totals(lines, LAB_TAXES, "round_globally").tax == Decimal("0.05")
    assert document_totals(lines, LAB_TAXES, "round_per_line").tax == Decimal("0.10")


def test_a_tax_rounds_once_whether_it_stands_in_a_group_or_alone() -> None:
    group = TaxableLine(Decimal(1), Decimal("33.35"), (17,))
    pair = TaxableLine(Decimal(1), Decimal("33.35"), (5, 10))
    # Measured: tax lines of 1.67 + 3.32 and 1.67 + 3.33; the QST of both is 6.65, not 3.33 twice.
    totals = document_totals([group, pair], _chart(), "round_globally")
    assert totals.tax == sum(map(Decimal, ("1.67", "3.32", "1.67", "3.33")), Decimal(0))


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("0.065", "0.07"), ("-0.065", "-0.07"), ("2.675", "2.68"), ("1.004999", "1.00")],
)
def test_a_half_goes_away_from_zero(value: str, rounded: str) -> None:
    assert round_half_up(Decimal(value), 2) == Decimal(rounded)


def test_a_credit_has_the_very_totals_of_its_invoice_turned() -> None:
    lines = [TaxableLine(Decimal(1), Decimal(a), (17,)) for a in ("33.35", "9.17", "0.05")]
    turned = [TaxableLine(Decimal(1), -line.price_unit, (17,)) for line in lines]
    for method in ("round_globally", "round_per_line"):
        totals = document_totals(lines, _chart(), method)  # type: ignore[arg-type]
        assert document_totals(turned, _chart(), method) == -totals  # type: ignore[arg-type]
