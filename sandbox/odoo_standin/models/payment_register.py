"""account.payment.register: the wizard that pays open documents, in full or in part.

Flows in: documents in the context, a journal, an amount. Flows out: payments, posted and matched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import access, orm
from sandbox.odoo_standin.behaviour import Behaviour, Method, ids_of, register
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.models import reconciliation
from sandbox.odoo_standin.models.payments import bank_journal, settle

_NOTHING_LEFT = (
    "You can't register a payment because there is nothing left to pay on the selected "
    "journal items."
)


class PaymentRegister(Behaviour):
    """Pay the open amounts of the documents in the context, or less."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "payment_difference_handling": "open",
        "group_payment": False,
        "partner_type": "customer",
    }

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        return [_complete_wizard(env, vals) for vals in vals_list]

    methods: ClassVar[Mapping[str, Method]] = {}


def _complete_wizard(env: Env, vals: Values) -> Values:
    active_ids = env.context.get("active_ids") or []
    if env.context.get("active_model") == "account.move.line":
        lines = [int(line_id) for line_id in active_ids]
    else:
        lines = reconciliation.open_term_lines(env, active_ids)
    if not lines:
        raise UserError(_NOTHING_LEFT)
    rows = env.records("account.move.line", lines)
    open_amount = sum((row["amount_residual_currency"] for row in rows), Decimal(0))
    company_id = rows[0]["company_id"]
    return {
        "amount": abs(open_amount),
        "payment_date": env.today,
        "journal_id": bank_journal(env, company_id),
        "currency_id": rows[0]["currency_id"],
        "company_id": company_id,
        "partner_id": rows[0]["partner_id"],
        "payment_type": "inbound" if open_amount > 0 else "outbound",
        "line_ids": [(6, 0, lines)],
    } | vals


def action_create_payments(env: Env, ids: int | Sequence[int]) -> Values:
    """Create one payment per document (or one for all) and match it."""
    [wizard] = env.records("account.payment.register", ids_of(ids))
    access.check_right(env, "account.payment", "create")
    # A stand-in for the wizard's one2many: kept as links, for nothing else needs it.
    lines = env.records("account.move.line", wizard["line_ids"])
    groups: dict[int, list[Row]] = {}
    for line in lines:
        groups.setdefault(0 if wizard["group_payment"] else line["move_id"], []).append(line)
    payments = [_payment_values(env, wizard, group, len(groups)) for group in groups.values()]
    payment_ids = orm.create(env, env.model("account.payment"), payments)
    settle(env, payment_ids, [[line["id"] for line in group] for group in groups.values()])
    action: Values = {
        "name": "Payments",
        "type": "ir.actions.act_window",
        "res_model": "account.payment",
        "context": {"create": False},
    }
    if len(payment_ids) == 1:
        return action | {"view_mode": "form", "res_id": payment_ids[0]}
    return action | {"view_mode": "list,form", "domain": [["id", "in", payment_ids]]}


def _payment_values(env: Env, wizard: Row, lines: Sequence[Row], groups: int) -> Values:
    moves = env.records("account.move", {line["move_id"] for line in lines})
    open_amount = sum((line["amount_residual_currency"] for line in lines), Decimal(0))
    names = (move["payment_reference"] or move["ref"] or move["name"] for move in moves)
    return {
        "amount": wizard["amount"] if groups == 1 else abs(open_amount),
        "date": wizard["payment_date"],
        "journal_id": wizard["journal_id"],
        "currency_id": wizard["currency_id"],
        "company_id": wizard["company_id"],
        "partner_id": moves[0]["commercial_partner_id"],
        "payment_type": "inbound" if open_amount > 0 else "outbound",
        "memo": wizard["communication"] or ", ".join(str(name) for name in names if name),
        "payment_method_line_id": wizard["payment_method_line_id"],
        "invoice_ids": [(6, 0, [move["id"] for move in moves])],
    }


PaymentRegister.methods = {"action_create_payments": action_create_payments}
register("account.payment.register", PaymentRegister())
