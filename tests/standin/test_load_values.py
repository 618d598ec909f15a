"""What load() makes of columns and cells: stored, rounded, refused, or silently taken."""

from __future__ import annotations

from typing import Any

import pytest
from odoo_lab import Lab

PRICE = "invoice_line_ids/price_unit"
QUANTITY = "invoice_line_ids/quantity"
TAXES = "invoice_line_ids/tax_ids/.id"


def _loaded(lab: Lab, **columns: Any) -> int:
    answer = lab.load(lab.row(**columns))
    assert answer["messages"] == []
    return int(answer["ids"][0])


def _product_line(lab: Lab, move_id: int) -> dict[str, Any]:
    fields = ("name", "quantity", "price_unit", "discount", "tax_ids", "price_subtotal")
    return lab.lines(move_id, *fields, kind="product")[0]


def _message(lab: Lab, **columns: Any) -> str:
    answer = lab.load(lab.row(**columns))
    assert answer["ids"] is False
    return str(answer["messages"][0]["message"])


# ------------------------------------------------------------------------------------------ taxes


@pytest.mark.parametrize("names", ["5% GST,9.975% QST", "14.975% GST+QST"])
def test_two_taxes_and_their_group_give_equal_amounts(lab: Lab, names: str) -> None:
    taxes = [lab.tax(name) for name in names.split(",")]
    sent = ", ".join(str(tax) for tax in taxes)
    move_id = _loaded(lab, **{TAXES: sent, PRICE: "877.99"})
    assert lab.move(move_id, "amount_tax", "amount_total")["amount_total"] == 1009.47
    amounts = [-line["balance"] for line in lab.lines(move_id, "balance", kind="tax")]
    assert amounts == [43.90, 87.58]
    assert _product_line(lab, move_id)["tax_ids"] == taxes


@pytest.mark.parametrize("cell", ["", False, None])
def test_an_empty_tax_cell_is_no_tax_even_for_a_taxed_product(lab: Lab, cell: Any) -> None:
    product = lab.product([lab.tax("13% HST")])
    columns = {TAXES: cell, "invoice_line_ids/product_id/.id": str(product)}
    move_id = _loaded(lab, **columns)
    assert _product_line(lab, move_id)["tax_ids"] == []
    assert lab.move(move_id, "amount_total")["amount_total"] == 100


@pytest.mark.parametrize(("has_product", "place", "tax"), [
    (True, "ON", "13% HST"), (True, "QC", "14.975% GST+QST"), (False, "ON", None),
])  # fmt: skip
def test_without_a_tax_column_the_product_decides(
    lab: Lab, has_product: bool, place: str, tax: str | None
) -> None:
    row = lab.row(**{"partner_id/.id": str(lab.partner(place))})
    del row[TAXES]
    if has_product:
        row["invoice_line_ids/product_id/.id"] = str(lab.product([lab.tax("13% HST")]))
    move_id = lab.load(row)["ids"][0]
    expected = [lab.tax(tax)] if tax else []
    assert _product_line(lab, move_id)["tax_ids"] == expected


def test_explicit_taxes_are_not_mapped_to_the_province(lab: Lab) -> None:
    move_id = _loaded(lab, **{"partner_id/.id": str(lab.partner("QC"))})
    assert _product_line(lab, move_id)["tax_ids"] == [lab.tax("13% HST")]


def test_taxes_by_external_id_and_an_ambiguous_name(lab: Lab) -> None:
    row = lab.row()
    del row[TAXES]
    named = "account.1_gst_sale_tax_5,account.1_qst_sale_tax_9975"
    [move_id] = lab.load(row | {"invoice_line_ids/tax_ids/id": named})["ids"]
    assert _product_line(lab, move_id)["tax_ids"] == [lab.tax("5% GST"), lab.tax("9.975% QST")]
    answer = lab.load(row | {"id": lab.xid(), "invoice_line_ids/tax_ids": "13% HST"})
    assert answer["ids"]
    [warning] = answer["messages"]
    assert warning["type"] == "warning"
    assert "Found multiple matches" in warning["message"]


def test_a_purchase_tax_and_an_archived_tax_are_accepted(lab: Lab) -> None:
    purchase = lab.tax("13% HST", use="purchase")
    assert _product_line(lab, _loaded(lab, **{TAXES: str(purchase)}))["tax_ids"] == [purchase]
    archived = lab.new_tax(name=lab.key("old"), amount=1, type_tax_use="sale")
    lab.target.call("account.tax", "write", [archived], {"active": False})
    move_id = _loaded(lab, **{TAXES: str(archived)})
    lab.target.call("account.move", "action_post", [move_id])


@pytest.mark.parametrize(("cell", "kind"), [([5, 10], "list"), (11, "int")])
def test_taxes_that_are_no_string_break_the_call(lab: Lab, cell: Any, kind: str) -> None:
    row = lab.row(**{TAXES: cell})
    refusal = lab.target.refusal("account.move", "load", list(row), [list(row.values())])
    assert refusal.name == "builtins.AttributeError"
    assert refusal.message == f"'{kind}' object has no attribute 'split'"


# ------------------------------------------------------------------------------------------ values


@pytest.mark.parametrize(("sent", "stored"), [
    ("100.10", 100.10), ("1e2", 100.0), ("100.105", 100.11), ("0.1234567890123456789", 0.12),
    ("", 0.0), ("-25", -25.0), ("0.000123", 0.0),
])  # fmt: skip
def test_numbers_are_parsed_and_rounded_in_silence(lab: Lab, sent: str, stored: float) -> None:
    line = _product_line(lab, _loaded(lab, **{PRICE: sent}))
    assert line["price_unit"] == (float(sent or 0) if lab.is_later_build else stored)


def test_an_empty_quantity_is_zero_and_no_error(lab: Lab) -> None:
    move_id = _loaded(lab, **{QUANTITY: "", PRICE: ""})
    assert lab.move(move_id, "amount_total")["amount_total"] == 0


@pytest.mark.parametrize("sent", ["1,000.50", "$5", "abc"])
def test_what_is_no_number_is_a_row_error(lab: Lab, sent: str) -> None:
    said = _message(lab, **{PRICE: sent})
    assert said == f"'{sent}' does not seem to be a number for field 'Invoice lines/Unit Price'"


@pytest.mark.parametrize(("sent", "words"), [
    ("NaN", "Unknown error during import: <class 'ValueError'>: cannot convert float NaN"),
    ("99999999999999.99", "The entry is not balanced."),
])  # fmt: skip
def test_impossible_numbers_are_told_in_messages(lab: Lab, sent: str, words: str) -> None:
    assert _message(lab, **{PRICE: sent}).startswith(words)


@pytest.mark.parametrize("sent", [
    "2026-11-01", "2026-11-01 10:00:00", "2026-1-5", "2026-11-01T00:00:00Z", "", False,
])  # fmt: skip
def test_dates_are_taken_in_several_shapes(lab: Lab, sent: Any) -> None:
    stored = lab.move(_loaded(lab, invoice_date=sent), "invoice_date")["invoice_date"]
    assert stored == (str(sent)[:10].replace("-1-5", "-01-05") if sent else False)


@pytest.mark.parametrize("sent", ["11/01/2026", "2026-02-30"])
def test_what_is_no_date_is_a_row_error(lab: Lab, sent: str) -> None:
    said = _message(lab, invoice_date=sent)
    assert said == f"'{sent}' does not seem to be a valid date for field 'Invoice/Bill Date'"


def test_finer_digits_keep_what_the_default_loses(lab: Lab) -> None:
    with lab.digits(6):
        digits = lab.target.call(
            "account.move.line", "fields_get", ["price_unit", "quantity", "discount"], ["digits"]
        )
        told = {name: bool(d["digits"]) and d["digits"][1] for name, d in digits.items()}
        price = False if lab.is_later_build else 6
        assert told == {"price_unit": price, "quantity": 6, "discount": 6}
        line = _product_line(lab, _loaded(lab, **{PRICE: "0.000123", QUANTITY: "123456.789"}))
    assert (line["price_unit"], line["quantity"]) == (0.000123, 123456.789)
    assert line["price_subtotal"] == 15.19


# ----------------------------------------------------------------------------------------- columns


def test_computed_columns_are_ignored_and_a_state_is_refused(lab: Lab) -> None:
    move_id = _loaded(lab, payment_state="paid", amount_total="5")
    got = lab.move(move_id, "payment_state", "amount_total")
    kept = "paid" if lab.is_later_build else "not_paid"
    assert (got["payment_state"], got["amount_total"]) == (kept, 113.0)
    assert _message(lab, state="posted").startswith(
        "You cannot create a move already in the posted"
    )


@pytest.mark.parametrize("column", ["nofield", "invoice_line_ids/deferred_start_date"])
def test_an_unknown_column_breaks_the_call(lab: Lab, column: str) -> None:
    row = lab.row(**{column: "x"})
    refusal = lab.target.refusal("account.move", "load", list(row), [list(row.values())])
    name = column.split("/")[-1]
    assert refusal == ("builtins.ValueError", f"Invalid field name {name!r}")


def test_analytic_distribution_travels_as_json_text(lab: Lab) -> None:
    column = "invoice_line_ids/analytic_distribution"
    move_id = _loaded(lab, **{column: '{"1": 100}'})
    read = lab.lines(move_id, "analytic_distribution", kind="product")[0]
    assert read["analytic_distribution"] == {"1": 100}
    row = lab.row(**{column: {"1": 100}})
    refusal = lab.target.refusal("account.move", "load", list(row), [list(row.values())])
    assert refusal.name == "builtins.TypeError"
    assert refusal.message.startswith("the JSON object must be str")
    assert lab.load(lab.row(**{column: "abc"}))["ids"] is False


@pytest.mark.parametrize(("sent", "stored"), [
    ("<p>a</p><script>alert(1)</script>", "<p>a</p>"), ("<p>a & b</p>", "<p>a &amp; b</p>"),
    ("plain", "<p>plain</p>"),
])  # fmt: skip
def test_a_narration_is_sanitised(lab: Lab, sent: str, stored: str) -> None:
    assert lab.move(_loaded(lab, narration=sent), "narration")["narration"] == stored


def test_notes_discounts_and_sequence_are_kept(lab: Lab) -> None:
    head = lab.row(invoice_line_ids__discount="10", invoice_line_ids__sequence="5")
    head["invoice_line_ids/display_type"] = "product"
    note = {
        "invoice_line_ids/name": "a note",
        "invoice_line_ids/display_type": "line_note",
        "invoice_line_ids/sequence": "6",
    }
    [move_id] = lab.load(head, note)["ids"]
    lines = lab.lines(move_id, "display_type", "discount", "price_subtotal", "sequence")
    shown = [(line["display_type"], line["sequence"]) for line in lines[:2]]
    assert shown == [("product", 5), ("line_note", 6)]
    assert lines[0]["price_subtotal"] == 90
    assert lab.move(move_id, "amount_total")["amount_total"] == 101.70


# ------------------------------------------------------------------------------------ payment term


def test_a_term_wins_over_the_sent_due_date_only_when_posted(lab: Lab) -> None:
    term = lab.find("account.payment.term", [["name", "=", "30 Days"]])
    move_id = _loaded(
        lab, invoice_date_due="2026-11-15", **{"invoice_payment_term_id/.id": str(term)}
    )
    assert lab.move(move_id, "invoice_date_due")["invoice_date_due"] == "2026-11-15"
    [line] = lab.lines(move_id, "date_maturity", kind="payment_term")
    assert line["date_maturity"] == "2026-12-01"
    lab.target.call("account.move", "action_post", [move_id])
    assert lab.move(move_id, "invoice_date_due")["invoice_date_due"] == "2026-12-01"


@pytest.mark.parametrize(("column", "due"), [(None, "2026-12-01"), ("", "2026-11-15")])
def test_only_an_empty_term_column_saves_the_due_date_from_the_partners_term(
    lab: Lab, column: str | None, due: str
) -> None:
    term = lab.find("account.payment.term", [["name", "=", "30 Days"]])
    vals = {"name": lab.key("Term"), "property_payment_term_id": term} | lab.address("ON")
    [partner] = lab.target.call("res.partner", "create", [vals])
    row = lab.row(**{"partner_id/.id": str(partner), "invoice_date_due": "2026-11-15"})
    if column is not None:
        row["invoice_payment_term_id/.id"] = column
    [move_id] = lab.load(row)["ids"]
    lab.target.call("account.move", "action_post", [move_id])
    assert lab.move(move_id, "invoice_date_due")["invoice_date_due"] == due


def test_instalments_make_several_receivable_lines(lab: Lab) -> None:
    lines = [(0, 0, {"value": "percent", "value_amount": 30, "nb_days": 0}),
             (0, 0, {"value": "percent", "value_amount": 70, "nb_days": 60})]  # fmt: skip
    vals = {"name": lab.key("30/70"), "line_ids": lines}
    [term] = lab.target.call("account.payment.term", "create", [vals])
    move_id = _loaded(lab, **{"invoice_payment_term_id/.id": str(term)})
    lab.target.call("account.move", "action_post", [move_id])
    terms = lab.lines(move_id, "balance", "date_maturity", kind="payment_term")
    told = sorted((line["date_maturity"], line["balance"]) for line in terms)
    assert told == [("2026-11-01", 33.90), ("2026-12-31", 79.10)]
    assert lab.move(move_id, "invoice_date_due")["invoice_date_due"] == "2026-12-31"
