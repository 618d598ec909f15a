"""What payments and credit notes do to an invoice, step by step as recorded on a real Odoo."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from measured import measured
from odoo_lab import Lab

_MOVE = ("state", "payment_state", "status_in_payment", "amount_residual", "invoice_date_due")
_TERM = ("amount_residual", "reconciled", "matching_number", "date_maturity")


class Story:
    """One invoice of the recording, played step by step."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.call = lab.target.call
        self.move_id = lab.invoice()
        self.payments: list[int] = []

    def post(self) -> None:
        self.call("account.move", "action_post", [self.move_id])

    def pay(self, amount: float | None, date: str) -> None:
        self.payments.append(self.lab.pay(self.move_id, amount, date))

    def payment(self, number: int, method: str) -> None:
        self.call("account.payment", method, [self.payments[number]])

    def state(self) -> dict[str, Any]:
        """The facts that the recording holds, with ids replaced by counts."""
        move = self.lab.move(self.move_id, *_MOVE)
        terms = self.lab.lines(self.move_id, *_TERM, "matched_credit_ids", kind="payment_term")
        paid = self.call(
            "account.payment", "search_read", [["invoice_ids", "in", [self.move_id]]],
            ["state", "amount", "date", "is_reconciled", "is_matched", "payment_type", "move_id"],
            order="id",
        )  # fmt: skip
        partials = self.call(
            "account.partial.reconcile", "search_read",
            ["|", ["debit_move_id.move_id", "=", self.move_id],
             ["credit_move_id.move_id", "=", self.move_id]],
            ["amount", "max_date", "full_reconcile_id"], order="id",
        )  # fmt: skip
        return _facts(move, terms, paid, partials)


def _facts(move: Any, terms: Any, paid: Any, partials: Any) -> dict[str, Any]:
    return {
        "move": {name: move[name] for name in _MOVE},
        "terms": [
            {name: term[name] for name in _TERM if name != "matching_number"}
            | {"matching": _matching(term["matching_number"])}
            for term in terms
        ],
        "payments": [
            {name: p[name] for name in ("state", "amount", "date", "is_reconciled", "is_matched",
                                        "payment_type")} | {"has_entry": bool(p["move_id"])}
            for p in sorted(paid, key=lambda p: p["id"])
        ],
        "partials": [
            (p["amount"], p["max_date"], bool(p["full_reconcile_id"])) for p in partials
        ],
    }  # fmt: skip


def _matching(number: Any) -> str:
    return "" if not number else "P" if str(number).startswith("P") else "full"


Step = Callable[[Story], None]
# Steps of the recording, by the label that it gave them.
STORIES: dict[str, list[tuple[str, list[Step]]]] = {
    "A": [
        ("A created draft", []),
        ("A posted, due past", [Story.post]),
        ("A partial 50 pay-date 11-12", [lambda s: s.pay(50, "2026-11-12")]),
        ("A rest pay-date 11-15", [lambda s: s.pay(None, "2026-11-15")]),
        ("A second payment reset to draft", [lambda s: s.payment(1, "action_draft")]),
        ("A second payment CANCELLED", [lambda s: s.payment(1, "action_cancel")]),
        ("A first payment cancelled directly", [lambda s: s.payment(0, "action_cancel")]),
    ],
    "B": [
        ("B paid", [Story.post, lambda s: s.pay(None, "2026-11-12")]),
        ("B payment REJECTED", [lambda s: s.payment(0, "action_reject")]),
    ],
    "C": [
        ("C partial 40 (payment with entry)", [Story.post, lambda s: s.pay(40, "2026-11-13")]),
        ("C paid (payment with entry)", [lambda s: s.pay(None, "2026-11-16")]),
        ("C payment2 -> draft", [lambda s: s.payment(1, "action_draft")]),
        ("C payment2 cancelled", [lambda s: s.payment(1, "action_cancel")]),
        ("C payment2 unlinked", [lambda s: s.payment(1, "unlink")]),
    ],
    "D": [
        ("D paid", [Story.post, lambda s: s.pay(None, "2026-11-14")]),
        (
            "D unreconciled (entry stays)",
            [lambda s: s.call(
                "account.move.line", "remove_move_reconcile",
                [line["id"] for line in s.lab.lines(s.move_id, kind="payment_term")],
            )],
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_each_recorded_step_of_paying_leaves_the_recorded_state(lab: Lab, name: str) -> None:
    recorded = {step["step"]: step for step in measured("payments_lifecycle")}
    story = Story(lab)
    for label, actions in STORIES[name]:
        for act in actions:
            act(story)
        step = recorded[label]
        wanted = _facts(step["move"], step["term_line"], step["payments"], step["partials"])
        assert story.state() == wanted, label


def _write_dates(lab: Lab, move_id: int) -> dict[str, str]:
    """write_date of the document and of its kinds of lines, to the second."""
    dates = {"move": str(lab.move(move_id, "write_date")["write_date"])}
    for line in lab.lines(move_id, "display_type", "write_date"):
        dates[line["display_type"]] = line["write_date"]
    return dates


def _bumped(lab: Lab, move_id: int, act: Callable[[], Any]) -> set[str]:
    """Say whose write_date an action moved."""
    before = _write_dates(lab, move_id)
    time.sleep(1.01)  # write_date travels in whole seconds
    act()
    after = _write_dates(lab, move_id)
    return {name for name in before if after[name] != before[name]}


def test_what_moves_write_date_is_what_was_measured(lab: Lab) -> None:
    call = lab.target.call
    everything = {"move", "product", "tax", "payment_term"}
    move_id = lab.invoice()
    line = lab.lines(move_id, kind="product")[0]["id"]
    payments: list[int] = []
    expected: list[tuple[str, Callable[[], Any], set[str]]] = [
        ("label", lambda: call("account.move.line", "write", [line], {"name": "x"}), everything),
        ("post", lambda: call("account.move", "action_post", [move_id]), everything),
        ("ref", lambda: call("account.move", "write", [move_id], {"ref": "y"}), everything),
        ("pay", lambda: payments.append(lab.pay(move_id, 50)), everything),
        ("draft", lambda: call("account.payment", "action_draft", payments), set()),
        ("cancel", lambda: call("account.payment", "action_cancel", payments),
         {"move", "payment_term"}),
        ("block", lambda: call("account.move", "action_toggle_block_payment", [move_id]),
         everything),
        ("reset", lambda: call("account.move", "button_draft", [move_id]), everything),
    ]  # fmt: skip
    for name, act, bumped in expected:
        assert _bumped(lab, move_id, act) == bumped, name


def test_blocking_resetting_and_cancelling_change_states_as_measured(lab: Lab) -> None:
    call = lab.target.call
    move_id = lab.posted()
    number = lab.move(move_id, "name")["name"]

    def states() -> tuple[Any, ...]:
        got = lab.move(move_id, "state", "payment_state", "status_in_payment", "name")
        return got["state"], got["payment_state"], got["status_in_payment"], got["name"]

    call("account.move", "action_toggle_block_payment", [move_id])
    assert states() == ("posted", "blocked", "posted", number)
    call("account.move", "action_toggle_block_payment", [move_id])
    assert states() == ("posted", "not_paid", "posted", number)
    call("account.move", "button_draft", [move_id])
    assert states() == ("draft", "not_paid", "draft", number)
    call("account.move", "button_cancel", [move_id])
    assert states() == ("cancel", "not_paid", "cancel", number)
    call("account.move", "button_draft", [move_id])
    call("account.move", "action_post", [move_id])
    assert states() == ("posted", "not_paid", "posted", number)


def test_a_write_of_the_state_posts_and_a_posted_price_changes_the_line_alone(lab: Lab) -> None:
    call = lab.target.call
    move_id = lab.invoice()
    call("account.move", "write", [move_id], {"state": "posted"})
    assert lab.move(move_id, "name")["name"]
    line = lab.lines(move_id, kind="product")[0]["id"]
    assert call("account.move.line", "write", [line], {"price_unit": 7}) is True
    [read] = call("account.move.line", "read", [line], ["price_subtotal"])
    assert read["price_subtotal"] == 7
    assert lab.move(move_id, "amount_total")["amount_total"] == 113


def test_a_due_date_can_be_moved_after_posting(lab: Lab) -> None:
    move_id = lab.posted()
    lab.target.call("account.move", "write", [move_id], {"invoice_date_due": "2026-12-24"})
    [term] = lab.lines(move_id, "date_maturity", kind="payment_term")
    assert term["date_maturity"] == "2026-12-24"
    assert lab.move(move_id, "state", "invoice_date_due")["invoice_date_due"] == "2026-12-24"


def test_posting_counts_the_customer_and_moves_his_write_date(lab: Lab) -> None:
    vals = {"name": lab.key("Customer")} | lab.address("ON")
    [partner] = lab.target.call("res.partner", "create", [vals])
    [before] = lab.target.call("res.partner", "read", [partner], ["customer_rank", "write_date"])
    time.sleep(1.01)
    lab.posted(partner_id=partner)
    [after] = lab.target.call("res.partner", "read", [partner], ["customer_rank", "write_date"])
    assert after["customer_rank"] > before["customer_rank"]
    assert after["write_date"] > before["write_date"]


def test_the_wizard_refuses_where_nothing_is_left_to_pay(lab: Lab) -> None:
    move_id = lab.posted()
    lab.pay(move_id)
    context = {"active_model": "account.move", "active_ids": [move_id]}
    refusal = lab.target.refusal("account.payment.register", "create", {}, context=context)
    assert "nothing left to pay" in refusal.message
