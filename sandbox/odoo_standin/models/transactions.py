"""payment.transaction: online payments, which an invoice does not feel until post-processing.

Flows in: transactions and their states, written by an administrator (a real Odoo's provider does
it). Flows out: for a confirmed one, once the cron ran, a payment matched with the invoices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import access, orm
from sandbox.odoo_standin.behaviour import Behaviour, Method, register
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.models import payments, reconciliation

POST_PROCESS_CRON = "payment: post-process transactions"
_FINAL = "done"


class Transactions(Behaviour):
    """States change without a trace on the invoice; a confirmed one cannot be cancelled."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "state": "draft",
        "operation": "online_direct",
        "is_post_processed": False,
    }

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        return [_complete(env, vals) for vals in vals_list]

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        _stamp(env, ids)

    @override
    def writing(self, env: Env, ids: list[int], vals: Values) -> Values:
        rows = env.records("payment.transaction", ids)
        if "state" in vals and any(row["state"] == _FINAL for row in rows):
            return {name: v for name, v in vals.items() if name not in ("state", "state_message")}
        if "state" in vals:
            vals = {"is_post_processed": False} | vals
        return vals

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        if "state" in vals:
            _stamp(env, ids)


def _stamp(env: Env, ids: Sequence[int]) -> None:
    """last_state_change is the clock's time; write_date is the transaction's start."""
    env.execute(
        """update payment_transaction set last_state_change = clock_timestamp() at time zone 'utc'
           where id = any(%s)""",
        (list(ids),),
    )


def _complete(env: Env, vals: Values) -> Values:
    company_id = env.company["id"]
    provider_id = vals.get("provider_id") or env.scalar("select min(id) from payment_provider")
    return {
        "provider_id": provider_id,
        "company_id": company_id,
        "currency_id": env.company_of(company_id)["currency_id"],
    } | vals


# --------------------------------------------------------------------------- post-processing


def method_direct_trigger(env: Env, _ids: int | Sequence[int]) -> bool:
    """Run the scheduled action at once; the only one here post-processes transactions."""
    access.check_right(env, "ir.cron", "write")
    waiting = env.rows(
        """select * from payment_transaction
           where not is_post_processed and state <> 'draft' order by id"""
    )
    for transaction in waiting:
        values: Values = {"is_post_processed": True}
        if transaction["state"] == _FINAL and transaction["invoice_ids"]:
            values["payment_id"] = _pay(env, transaction)
        orm.update(env, "payment.transaction", [transaction["id"]], values)
    return True


def _pay(env: Env, transaction: Row) -> int:
    memo = transaction["reference"]
    if transaction["provider_reference"]:
        memo += f" - {transaction['provider_reference']}"
    journal = env.scalar(
        "select journal_id from payment_provider where id = %s", (transaction["provider_id"],)
    )
    [payment_id] = orm.create(
        env.sudo(),
        env.model("account.payment"),
        [
            {
                "amount": transaction["amount"], "currency_id": transaction["currency_id"],
                "partner_id": transaction["partner_id"], "company_id": transaction["company_id"],
                "journal_id": journal, "memo": memo,
                "invoice_ids": [(6, 0, transaction["invoice_ids"])],
                "payment_transaction_id": transaction["id"],
            }
        ],
    )  # fmt: skip
    terms = reconciliation.open_term_lines(env, transaction["invoice_ids"])
    payments.settle(env, [payment_id], [terms])
    return payment_id


class Crons(Behaviour):
    methods: ClassVar[Mapping[str, Method]] = {"method_direct_trigger": method_direct_trigger}


register("payment.transaction", Transactions())
register("ir.cron", Crons())
