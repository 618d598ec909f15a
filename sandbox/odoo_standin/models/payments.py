"""account.payment: money in and out, matched with invoices.

Flows in: payments, of the wizard or of one's own. Flows out: payments, each with its entry
in the bank journal, and the states that follow from matching it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import access, orm
from sandbox.odoo_standin.behaviour import Behaviour, Method, ids_of, register
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.models import posting, reconciliation
from sandbox.odoo_standin.models.totals import receivable_account


class Payments(Behaviour):
    """A payment starts as a draft without an entry."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "state": "draft",
        "payment_type": "inbound",
        "partner_type": "customer",
        "is_reconciled": False,
        "is_matched": False,
        "is_sent": False,
    }

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        return [_complete(env, vals) for vals in vals_list]

    @override
    def unlinking(self, env: Env, ids: list[int]) -> None:
        for payment in env.records("account.payment", ids):
            if payment["move_id"]:
                orm.unlink(env.sudo(), env.model("account.move"), [payment["move_id"]])

    methods: ClassVar[Mapping[str, Method]] = {}


def _complete(env: Env, vals: Values) -> Values:
    company_id = vals.get("company_id") or env.company["id"]
    payment: Values = {"date": env.today, "amount": 0} | vals | {"company_id": company_id}
    payment["journal_id"] = vals.get("journal_id") or bank_journal(env, company_id)
    payment["currency_id"] = vals.get("currency_id") or env.company_of(company_id)["currency_id"]
    payment["destination_account_id"] = receivable_account(env, company_id)
    payment["outstanding_account_id"] = _outstanding_account(env, payment["journal_id"])
    return payment


def bank_journal(env: Env, company_id: int) -> Any:
    """Return the company's first bank journal."""
    return env.scalar(
        """select id from account_journal where type in ('bank', 'cash') and company_id = %s
           and active order by sequence, id limit 1""",
        (company_id,),
    )


def _outstanding_account(env: Env, journal_id: int) -> Any:
    return env.scalar(
        """select coalesce((select id from account_account where name = 'Liquidity Transfer'
               order by id limit 1), j.default_account_id)
           from account_journal j where j.id = %s""",
        (journal_id,),
    )


# --------------------------------------------------------------------------- the entry


def _make_entry(env: Env, payment: Row) -> int:
    """Write and post the payment's entry; return its receivable line."""
    sudo = env.sudo().with_context(is_entry=True)
    [move_id] = orm.create(
        sudo,
        env.model("account.move"),
        [
            {
                "move_type": "entry", "journal_id": payment["journal_id"],
                "company_id": payment["company_id"], "currency_id": payment["currency_id"],
                "date": payment["date"], "ref": payment["memo"],
                "partner_id": payment["partner_id"], "origin_payment_id": payment["id"],
            }
        ],
    )  # fmt: skip
    sign = 1 if payment["payment_type"] == "inbound" else -1
    amount = sign * Decimal(payment["amount"])
    label = f"Manual Payment: {payment['memo']}" if payment["memo"] else "Manual Payment"
    sides = (
        (payment["outstanding_account_id"], amount, "product"),
        (payment["destination_account_id"], -amount, "payment_term"),
    )
    lines = [
        {
            "move_id": move_id, "name": label, "account_id": account, "balance": balance,
            "amount_currency": balance, "display_type": kind, "date_maturity": payment["date"],
            "amount_residual": balance if kind == "payment_term" else 0,
            "amount_residual_currency": balance if kind == "payment_term" else 0,
            "partner_id": payment["partner_id"],
        }
        for account, balance, kind in sides
    ]  # fmt: skip
    inner = sudo.with_context(parent_creates=True)
    line_ids = orm.create(inner, env.model("account.move.line"), lines)
    orm.update(env, "account.move", [move_id], {"amount_total": abs(amount)})
    posting.mark_posted(sudo, [move_id], is_checked=False)
    name = env.scalar("select name from account_move where id = %s", (move_id,))
    orm.update(env, "account.payment", [payment["id"]], {"move_id": move_id, "name": name})
    return line_ids[1]


def settle(env: Env, payment_ids: Sequence[int], term_lines: Sequence[Sequence[int]]) -> None:
    """Post payments and match each with its receivable lines."""
    for payment_id, lines in zip(payment_ids, term_lines, strict=True):
        payment = env.record("account.payment", payment_id)
        own_line = _make_entry(env, payment)
        orm.update(env, "account.payment", [payment_id], {"state": "in_process"})
        reconciliation.reconcile(env, [*lines, own_line])


# --------------------------------------------------------------------------- public methods


def action_post(env: Env, ids: int | Sequence[int]) -> None:
    """Confirm drafts: their entries are written, nothing is matched yet."""
    access.check_right(env, "account.payment", "write")
    for payment in env.records("account.payment", ids_of(ids)):
        if payment["state"] == "draft":
            if payment["move_id"]:
                orm.update(env, "account.move", [payment["move_id"]], {"state": "posted"})
            else:
                _make_entry(env, payment)
            orm.update(env, "account.payment", [payment["id"]], {"state": "in_process"})


def action_draft(env: Env, ids: int | Sequence[int]) -> None:
    """Reset to draft: the invoice stays paid, for its matching stays (measured)."""
    access.check_right(env, "account.payment", "write")
    for payment in env.records("account.payment", ids_of(ids)):
        orm.update(env, "account.payment", [payment["id"]], {"state": "draft"})
        if payment["move_id"]:
            orm.update(env, "account.move", [payment["move_id"]], {"state": "draft"})
        siblings = env.tuples(
            "select id from account_payment where invoice_ids && %s::bigint[] and id <> %s",
            (payment["invoice_ids"], payment["id"]),
        )
        orm.touch(env, "account.payment", [row[0] for row in siblings])


def action_cancel(env: Env, ids: int | Sequence[int]) -> None:
    """Cancel: matchings are undone; a draft entry goes, a posted one is cancelled."""
    access.check_right(env, "account.payment", "write")
    for payment in env.records("account.payment", ids_of(ids)):
        values: Values = {"state": "canceled", "is_reconciled": False}
        orm.update(env, "account.payment", [payment["id"]], values)
        move_id = payment["move_id"]
        if not move_id:
            continue
        reconciliation.remove_of_moves(env, [move_id])
        if payment["state"] == "draft":
            orm.unlink(env.sudo(), env.model("account.move"), [move_id])
            orm.update(env, "account.payment", [payment["id"]], {"move_id": None})
        else:
            orm.update(env, "account.move", [move_id], {"state": "cancel"})


def _set_state(state: str) -> Method:
    def act(env: Env, ids: int | Sequence[int]) -> None:
        access.check_right(env, "account.payment", "write")
        orm.update(env, "account.payment", ids_of(ids), {"state": state})

    return act


Payments.methods = {
    "action_post": action_post,
    "action_draft": action_draft,
    "action_cancel": action_cancel,
    "action_reject": _set_state("rejected"),
    "action_validate": _set_state("paid"),
}
register("account.payment", Payments())
