"""Credit notes: what posting one does to its original, in every measured constellation."""

from __future__ import annotations

from typing import Any

import pytest
from odoo_lab import Lab, Refusal

_STATES = ("payment_state", "amount_residual")
_NEGATIVE = "You cannot validate an invoice with a negative total amount."


def _states(lab: Lab, *move_ids: int) -> list[tuple[str, float]]:
    rows = [lab.move(move_id, *_STATES) for move_id in move_ids]
    return [(row["payment_state"], row["amount_residual"]) for row in rows]


def _credit(lab: Lab, original: int | None, price: str = "100.00", **columns: Any) -> int:
    linked = {"reversed_entry_id/.id": str(original)} if original else {}
    row = lab.row(move_type="out_refund", invoice_line_ids__price_unit=price, **linked, **columns)
    answer = lab.load(row)
    assert answer["messages"] == []
    move_id: int = answer["ids"][0]
    assert lab.load(row)["ids"] == [move_id]
    return move_id


def _post(lab: Lab, move_id: int) -> int:
    lab.target.call("account.move", "action_post", [move_id])
    return move_id


@pytest.mark.parametrize(("price", "original_state", "note_state"), [
    ("100.00", ("reversed", 0.0), ("paid", 0.0)),
    ("30.00", ("partial", 79.10), ("paid", 0.0)),
    ("150.00", ("reversed", 0.0), ("partial", 56.50)),
])  # fmt: skip
def test_a_linked_credit_note_settles_its_original(
    lab: Lab, price: str, original_state: Any, note_state: Any
) -> None:
    original = lab.posted()
    note = _credit(lab, original, price)
    got = lab.move(note, "amount_total", "amount_total_signed", "reversed_entry_id")
    assert got["amount_total_signed"] == -got["amount_total"] < 0
    assert got["reversed_entry_id"][0] == original
    assert lab.move(original, "reversal_move_ids")["reversal_move_ids"] == [note]
    assert _states(lab, original) == [("not_paid", 113.0)]
    _post(lab, note)
    assert _states(lab, original, note) == [original_state, note_state]
    assert lab.move(note, "name")["name"].split("/")[0].startswith("R")


def test_a_credit_note_of_a_draft_settles_nothing_even_later(lab: Lab) -> None:
    original = lab.invoice()
    note = _post(lab, _credit(lab, original))
    _post(lab, original)
    assert _states(lab, original, note) == [("not_paid", 113.0), ("not_paid", 113.0)]


def test_a_credit_note_of_a_paid_invoice_stays_open_until_paid_out(lab: Lab) -> None:
    original = lab.posted()
    lab.pay(original)
    note = _post(lab, _credit(lab, original))
    assert _states(lab, original, note) == [("paid", 0.0), ("not_paid", 113.0)]
    payment = lab.pay(note, date="2026-11-18")
    assert _states(lab, original, note) == [("paid", 0.0), ("paid", 0.0)]
    [read] = lab.target.call("account.payment", "read", [payment], ["payment_type", "state"])
    assert (read["payment_type"], read["state"]) == ("outbound", "paid")


@pytest.mark.parametrize("is_linked", [True, False])
def test_no_link_reconciles_nothing_and_another_customers_only_in_a_later_build(
    lab: Lab, is_linked: bool
) -> None:
    original = lab.posted()
    columns = {"partner_id/.id": str(lab.partner("QC"))} if is_linked else {}
    note = _post(lab, _credit(lab, original if is_linked else None, **columns))
    settled = [("reversed", 0.0), ("paid", 0.0)]
    open_ones = [("not_paid", 113.0), ("not_paid", 113.0)]
    expected = settled if is_linked and lab.is_later_build else open_ones
    assert _states(lab, original, note) == expected


def test_a_credit_note_can_name_an_invoice_of_the_same_batch(lab: Lab) -> None:
    first = lab.row(**{"reversed_entry_id/id": ""})
    second = lab.row(move_type="out_refund", **{"reversed_entry_id/id": first["id"]})
    original, note = lab.load(first, second)["ids"]
    assert lab.move(note, "reversed_entry_id")["reversed_entry_id"][0] == original


@pytest.mark.parametrize("move_type", ["out_invoice", "out_refund"])
def test_a_negative_total_is_a_draft_that_never_posts(lab: Lab, move_type: str) -> None:
    row = lab.row(move_type=move_type, invoice_line_ids__price_unit="-25")
    [move_id] = lab.load(row)["ids"]
    assert lab.move(move_id, "amount_total")["amount_total"] == -28.25
    refusal = lab.target.refusal("account.move", "action_post", [move_id])
    assert isinstance(refusal, Refusal)
    assert refusal.message.startswith(_NEGATIVE)


def test_a_total_of_zero_is_paid_when_posted(lab: Lab) -> None:
    move_id = lab.posted(lab.line(100, taxes=[]), lab.line(-100, taxes=[]))
    assert _states(lab, move_id) == [("paid", 0.0)]


def test_the_reversal_wizard_makes_drafts_or_posts_and_starts_anew(lab: Lab) -> None:
    call = lab.target.call
    original = lab.posted()
    context = {"active_model": "account.move", "active_ids": [original]}
    vals = {"reason": "x", "journal_id": lab.journal, "date": "2026-11-21"}
    [wizard] = call("account.move.reversal", "create", [vals], context=context)
    note = call("account.move.reversal", "refund_moves", [wizard])["res_id"]
    name = lab.move(original, "name")["name"]
    assert lab.move(note, "ref", "state") == {
        "id": note, "ref": f"Reversal of: {name}, x", "state": "draft",
    }  # fmt: skip
    assert _states(lab, original) == [("not_paid", 113.0)]
    _post(lab, note)
    [partial] = call(
        "account.partial.reconcile", "search_read", [["debit_move_id.move_id", "=", original]],
        ["amount", "max_date"],
    )  # fmt: skip
    assert (partial["amount"], partial["max_date"]) == (113.0, "2026-11-21")
    other = lab.posted()
    context = {"active_model": "account.move", "active_ids": [other]}
    [wizard] = call("account.move.reversal", "create", [vals], context=context)
    fresh = call("account.move.reversal", "modify_moves", [wizard])["res_id"]
    assert _states(lab, other) == [("reversed", 0.0)]
    assert lab.move(fresh, "state", "amount_total", "move_type") == {
        "id": fresh, "state": "draft", "amount_total": 113.0, "move_type": "out_invoice",
    }  # fmt: skip


def test_an_open_credit_can_be_assigned_and_taken_back(lab: Lab) -> None:
    call = lab.target.call
    invoice, note = lab.posted(), _post(lab, _credit(lab, None, "40.00"))
    [line] = lab.lines(note, kind="payment_term")
    call("account.move", "js_assign_outstanding_line", [invoice], line["id"])
    assert _states(lab, invoice, note) == [("partial", 67.80), ("paid", 0.0)]
    [partial] = call("account.partial.reconcile", "search", [["credit_move_id", "=", line["id"]]])
    call("account.move", "js_remove_outstanding_partial", [invoice], partial)
    assert _states(lab, invoice, note) == [("not_paid", 113.0), ("not_paid", 45.20)]
