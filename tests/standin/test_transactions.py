"""Online payments: an invoice feels nothing until a confirmed transaction is post-processed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from measured import measured
from odoo_lab import Lab

_MOVE = ("payment_state", "amount_residual", "write_date")
_TRANSACTION = ("state", "state_message", "is_post_processed", "payment_id", "last_state_change")
STATES = {"pending": "pending", "authorized": "authorized", "error": "error", "cancel": "cancel",
          "done": "done", "done_then_cancel": "done"}  # fmt: skip


class Payer:
    """Plays the provider, as an administrator of the stand-in."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.call = lab.target.call
        self.move_id = lab.posted()

    def start(self) -> int:
        vals = {
            "reference": self.lab.key("T"), "amount": 113, "partner_id": self.lab.partner(),
            "provider_reference": "demo", "invoice_ids": [(6, 0, [self.move_id])],
        }  # fmt: skip
        return int(self.call("payment.transaction", "create", [vals])[0])

    def set_state(self, transaction: int, state: str) -> None:
        vals: dict[str, Any] = {"state": state}
        if state == "error":
            vals["state_message"] = "Card declined"
        self.call("payment.transaction", "write", [transaction], vals)

    def post_process(self) -> None:
        """Run the scheduled action at once, as an administrator does from the list of them."""
        cron = self.lab.find("ir.cron", [["cron_name", "like", "post-process"]])
        self.call("ir.cron", "method_direct_trigger", [cron])

    def facts(self, transaction: int) -> dict[str, Any]:
        move = self.lab.move(self.move_id, *_MOVE)
        [read] = self.call("payment.transaction", "read", [transaction], list(_TRANSACTION))
        payments = self.call(
            "account.payment", "search_read", [["invoice_ids", "in", [self.move_id]]],
            ["state", "payment_transaction_id"],
        )  # fmt: skip
        return {
            "move": (move["payment_state"], move["amount_residual"]),
            "transaction": (read["state"], read["state_message"], read["is_post_processed"]),
            "payments": [p["state"] for p in payments],
        }


def _recorded(label: str) -> dict[str, Any]:
    [step] = [step for step in measured("transactions") if step["step"] == label]
    move, transaction = step["move"], step["tx"]
    return {
        "move": (move["payment_state"], move["residual"]),
        "transaction": (
            transaction["state"],
            transaction["state_message"] or False,
            bool(transaction["is_post_processed"]),
        ),
        "payments": [payment[1] for payment in step["payments"]],
    }


@pytest.mark.parametrize("name", STATES)
def test_each_recorded_step_of_a_transaction_leaves_the_recorded_state(
    standin_lab: Lab, name: str
) -> None:
    payer = Payer(standin_lab)
    transaction = payer.start()
    assert payer.facts(transaction) == _recorded(f"{name} tx created")
    payer.set_state(transaction, STATES[name])
    assert payer.facts(transaction) == _recorded(f"{name} state set")
    payer.post_process()
    assert payer.facts(transaction) == _recorded(f"{name} post-processed")
    if name == "done_then_cancel":
        payer.set_state(transaction, "cancel")
        assert payer.facts(transaction) == _recorded(f"{name} cancel after done")
        [payment] = standin_lab.move(payer.move_id, "matched_payment_ids")["matched_payment_ids"]
        standin_lab.target.call("account.payment", "action_cancel", [payment])
        assert payer.facts(transaction) == _recorded(f"{name} payment cancelled by hand")


def test_a_failed_transaction_and_then_a_good_one_are_two_rows(standin_lab: Lab) -> None:
    payer = Payer(standin_lab)
    failed = payer.start()
    payer.set_state(failed, "error")
    payer.post_process()
    good = payer.start()
    payer.set_state(good, "done")
    payer.post_process()
    assert payer.facts(good) == _recorded("error_then_new_done second tx done")
    rows = standin_lab.move(payer.move_id, "transaction_ids")["transaction_ids"]
    assert sorted(rows) == [failed, good]


def test_a_failure_leaves_the_invoice_untouched_to_the_second(standin_lab: Lab) -> None:
    payer = Payer(standin_lab)
    transaction = payer.start()
    before = standin_lab.move(payer.move_id, *_MOVE)
    time.sleep(1.01)
    payer.set_state(transaction, "error")
    assert standin_lab.move(payer.move_id, *_MOVE) == before
    [read] = standin_lab.target.call(
        "payment.transaction", "read", [transaction], ["last_state_change", "create_date"]
    )
    assert read["last_state_change"] > read["create_date"]


def test_only_accounting_reads_transactions(standin_lab: Lab) -> None:
    readonly = standin_lab.target.as_user("readonly")
    billing = standin_lab.target.as_user("billing")
    payer = Payer(standin_lab)
    transaction = payer.start()
    for fields in (["transaction_ids"], ["transaction_count"], ["amount_paid"]):
        refusal = readonly.refusal("account.move", "read", [payer.move_id], fields)
        assert refusal.name == "odoo.exceptions.AccessError"
    empty = readonly.call("account.move", "read", [payer.move_id], ["authorized_transaction_ids"])
    assert empty[0]["authorized_transaction_ids"] == []
    assert readonly.refusal("payment.transaction", "search", []).name.endswith("AccessError")
    [read] = billing.call("account.move", "read", [payer.move_id], ["transaction_ids"])
    assert read["transaction_ids"] == [transaction]
