"""account.move.reversal: the wizard that makes credit notes out of posted invoices.

Flows in: documents in the context, a reason, a date. Flows out: draft credit notes
(`refund_moves`), or posted ones with fresh drafts beside them (`modify_moves`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import orm
from sandbox.odoo_standin.behaviour import Behaviour, Method, ids_of, register
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.models import moves as documents

_REVERSED = {
    "out_invoice": "out_refund",
    "out_refund": "out_invoice",
    "in_invoice": "in_refund",
    "in_refund": "in_invoice",
}
_COPIED = (
    "name", "quantity", "price_unit", "discount", "product_id", "product_uom_id", "sequence",
    "display_type", "account_id",
)  # fmt: skip


class Reversals(Behaviour):
    """Takes its documents from the context, as the wizard does."""

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        active_ids = list(env.context.get("active_ids") or [])
        first = env.records("account.move", active_ids[:1])
        own = {"company_id": first[0]["company_id"]} if first else {}
        return [
            {"date": env.today, "move_ids": [(6, 0, active_ids)]} | own | vals for vals in vals_list
        ]

    methods: ClassVar[Mapping[str, Method]] = {}


def _line(line: Row) -> Values:
    values: Values = {name: line[name] or False for name in _COPIED}
    return values | {
        "quantity": line["quantity"],
        "price_unit": line["price_unit"],
        "tax_ids": [(6, 0, line["tax_ids"])],
    }


def _copy(env: Env, move: Row, wizard: Row, move_type: str) -> int:
    lines = env.rows(
        """select * from account_move_line where move_id = %s
           and display_type not in ('tax', 'payment_term') order by sequence, id""",
        (move["id"],),
    )
    kept = ("partner_id", "partner_shipping_id", "fiscal_position_id", "journal_id", "company_id",
            "currency_id")  # fmt: skip
    values: Values = {name: move[name] or False for name in kept}
    values |= {
        "move_type": move_type, "invoice_date": wizard["date"],
        "invoice_line_ids": [(0, 0, _line(line)) for line in lines],
    }  # fmt: skip
    if move_type == _REVERSED[move["move_type"]]:
        reason = f", {wizard['reason']}" if wizard["reason"] else ""
        values |= {
            "ref": f"Reversal of: {move['name']}{reason}",
            "reversed_entry_id": move["id"],
            "invoice_payment_term_id": False,
        }
    return orm.create(env, env.model("account.move"), [values])[0]


def _reverse(env: Env, ids: int | Sequence[int], *, is_modified: bool) -> Values:
    [wizard] = env.records("account.move.reversal", ids_of(ids))
    created: list[int] = []
    for move in env.records("account.move", wizard["move_ids"]):
        refund = _copy(env, move, wizard, _REVERSED[move["move_type"]])
        created.append(refund)
        if is_modified:
            documents.action_post(env, [refund])
            created = [_copy(env, move, wizard, move["move_type"])]
        # The original is written too: it now has a reversal.
        orm.touch(env, "account.move", [move["id"]])
        documents.touch_lines(env, [move["id"]])
    orm.update(env, "account.move.reversal", [wizard["id"]], {"new_move_ids": created})
    return {
        "name": "Reverse Moves",
        "type": "ir.actions.act_window",
        "res_model": "account.move",
        "view_mode": "form",
        "res_id": created[-1],
    }


def refund_moves(env: Env, ids: int | Sequence[int]) -> Any:
    """Make draft credit notes."""
    return _reverse(env, ids, is_modified=False)


def modify_moves(env: Env, ids: int | Sequence[int]) -> Any:
    """Credit in full, and make a new draft to start from."""
    return _reverse(env, ids, is_modified=True)


Reversals.methods = {
    "refund_moves": refund_moves,
    "reverse_moves": refund_moves,
    "modify_moves": modify_moves,
}
register("account.move.reversal", Reversals())
