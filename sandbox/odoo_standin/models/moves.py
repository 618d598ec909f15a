"""account.move: invoices, credit notes and entries, from draft to cancelled.

Flows in: values of create, load and write. Flows out: rows whose defaults (journal, currency,
position, due date) and totals are those that a real Odoo gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import access, orm
from sandbox.odoo_standin.behaviour import Behaviour, Method, ids_of, register
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.errors import AccessError, UserError
from sandbox.odoo_standin.models import posting, reconciliation
from sandbox.odoo_standin.models.documents import (
    INVOICES,
    currency_rate,
    default_journal,
    due_date,
)
from sandbox.odoo_standin.models.taxation import delivery_partner, fiscal_position
from sandbox.odoo_standin.models.totals import recompute
from sandbox.odoo_standin.values import parse_date

_LINE_FIELDS = ("line_ids", "invoice_line_ids")
# What an import may send although Odoo computes it: accepted, and ignored.
_COMPUTED = (
    "payment_state", "amount_untaxed", "amount_tax", "amount_total", "amount_residual",
    "amount_untaxed_signed", "amount_tax_signed", "amount_total_signed", "amount_residual_signed",
)  # fmt: skip
_LOCKED_WHEN_POSTED = ("date", "journal_id", "currency_id", "partner_id", "fiscal_position_id")


class Moves(Behaviour):
    """Defaults, totals and the life of a document."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "move_type": "entry",
        "state": "draft",
        "payment_state": "not_paid",
        "auto_post": "no",
        "posted_before": False,
        "is_move_sent": False,
    }

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        return [_complete(env, vals) for vals in vals_list]

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        if not env.context.get("is_entry"):
            recompute(env, ids)

    @override
    def writing(self, env: Env, ids: list[int], vals: Values) -> Values:
        vals = {name: value for name, value in vals.items() if name not in _COMPUTED}
        moves = env.records("account.move", ids)
        if any(move["state"] == "posted" for move in moves):
            locked = [n for n in vals if n in _LOCKED_WHEN_POSTED and _differs(n, vals, moves)]
            if locked and vals.get("state", "posted") == "posted":
                raise UserError(
                    "You cannot modify the following readonly fields on a posted move: "
                    + ", ".join(locked)
                )
        if "partner_id" in vals:
            vals = _partner_values(env, vals, moves[0]["company_id"]) | vals
        return vals

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        if vals.get("state") == "posted":
            # A write of the state posts without any of action_post's checks: measured so.
            posting.mark_posted(env, ids, is_checked=False)
        if "invoice_date_due" in vals:
            env.execute(
                """update account_move_line l set date_maturity = m.invoice_date_due
                   from account_move m where m.id = l.move_id and l.display_type = 'payment_term'
                   and m.id = any(%s) and m.state = 'posted'""",
                (ids,),
            )
        drafts = [m["id"] for m in env.records("account.move", ids) if m["state"] == "draft"]
        recompute(env, drafts)
        touch_lines(env, ids)

    @override
    def may_unlink(self, env: Env) -> None:
        # Odoo unlinks the lines first, and trips over what it reads for that.
        access.check_read_through(env, "sale.order.line", "account.move.line", "sale_line_ids")

    @override
    def unlinking(self, env: Env, ids: list[int]) -> None:
        if any(move["state"] == "posted" for move in env.records("account.move", ids)):
            raise UserError(
                "You can't delete a posted journal item. Don’t play games with your accounting "
                "records; reset the journal entry to draft before deleting it."
            )
        lines = [
            r[0]
            for r in env.tuples("select id from account_move_line where move_id = any(%s)", (ids,))
        ]
        orm.delete(env, "account.move.line", lines)

    methods: ClassVar[Mapping[str, Method]] = {}


def _differs(name: str, vals: Values, moves: Sequence[Row]) -> bool:
    value = parse_date(vals[name]) if name == "date" else vals[name] or None
    return any(move[name] != value for move in moves)


def touch_lines(env: Env, move_ids: Sequence[int]) -> None:
    """A change of a document is a change of all its lines: their write_date moves too."""
    env.execute(
        """update account_move_line set write_date = %s, write_uid = %s
           where move_id = any(%s) and write_date <> %s""",
        (env.now, env.uid, list(move_ids), env.now),
    )


# --------------------------------------------------------------------------- defaults


def _complete(env: Env, vals: Values) -> Values:
    if vals.get("state") not in (None, False, "draft"):
        raise UserError(
            "You cannot create a move already in the posted state. "
            "Please create a draft move and post it after."
        )
    stored = env.registry.build.stored_as_sent
    move = {n: value for n, value in vals.items() if n not in _COMPUTED or n in stored}
    move["state"] = "draft"
    move["payment_state"] = move.get("payment_state") or "not_paid"
    company_id = move.get("company_id") or env.company["id"]
    move["company_id"] = company_id
    move["journal_id"] = move.get("journal_id") or default_journal(
        env, move["move_type"], company_id
    )
    move["currency_id"] = move.get("currency_id") or env.company_of(company_id)["currency_id"]
    move["date"] = move.get("date") or move.get("invoice_date") or env.today
    if move["move_type"] in INVOICES:
        move = _complete_invoice(env, move, company_id)
    return move


def _complete_invoice(env: Env, move: Values, company_id: int) -> Values:
    move = _partner_values(env, move, company_id) | move
    move.setdefault("invoice_user_id", env.uid)
    move["invoice_currency_rate"] = move.get("invoice_currency_rate") or currency_rate(
        env, move["currency_id"], company_id, parse_date(move.get("invoice_date")) or env.today
    )
    if not move.get("invoice_date_due"):
        move["invoice_date_due"] = due_date(env, move)
    return move


def _partner_values(env: Env, vals: Values, company_id: int) -> Values:
    """Return what follows from the customer; what the caller sent himself wins over it."""
    partner_id = vals.get("partner_id") or None
    if partner_id is None:
        return {
            "commercial_partner_id": None,
            "partner_shipping_id": None,
            "fiscal_position_id": None,
        }
    partner = env.cached(("partner", partner_id), lambda: env.record("res.partner", partner_id))
    shipping_id = vals.get("partner_shipping_id") or delivery_partner(env, partner_id)
    found: Values = {
        "commercial_partner_id": partner["commercial_partner_id"] or partner_id,
        "partner_shipping_id": shipping_id,
        "invoice_payment_term_id": partner["property_payment_term_id"],
    }
    if "fiscal_position_id" not in vals:
        found["fiscal_position_id"] = fiscal_position(env, company_id, partner_id, shipping_id)
    return found


# --------------------------------------------------------------------------- public methods


def action_post(env: Env, ids: int | Sequence[int]) -> bool:
    """Post documents; every rule that Odoo checks speaks up, none is skipped."""
    move_ids = ids_of(ids)
    if not env.has_group(access.INVOICE):
        raise AccessError("You don't have the access rights to post an invoice.")
    access.check_records(env, env.model("account.move"), move_ids, "write")
    posting.check_may_post(env, move_ids)
    posting.mark_posted(env, move_ids, is_checked=True)
    return False


def button_draft(env: Env, ids: int | Sequence[int]) -> bool:
    """Reset to draft: the name is kept, reconciliations are undone."""
    move_ids = ids_of(ids)
    access.check_right(env, "account.move", "write")
    moves = env.records("account.move", move_ids)
    if any(move["state"] not in ("cancel", "posted") for move in moves):
        raise UserError("Only posted/cancelled journal entries can be reset to draft.")
    for move in moves:
        posting.check_lock_dates(env, move)
    _leave_posted(env, move_ids, "draft")
    return True


def button_cancel(env: Env, ids: int | Sequence[int]) -> bool:
    """Cancel; a posted document is reset to draft first."""
    move_ids = ids_of(ids)
    access.check_right(env, "account.move", "write")
    access.check_read_through(
        env, "account.analytic.line", "account.move.line", "analytic_line_ids"
    )
    for move in env.records("account.move", move_ids):
        if move["state"] == "posted":
            posting.check_lock_dates(env, move)
    _leave_posted(env, move_ids, "cancel")
    return True


def _leave_posted(env: Env, move_ids: Sequence[int], state: str) -> None:
    reconciliation.remove_of_moves(env, move_ids)
    orm.update(
        env,
        "account.move",
        move_ids,
        {"state": state, "auto_post": "no", "payment_state": "not_paid"},
    )
    touch_lines(env, move_ids)


def action_toggle_block_payment(env: Env, ids: int | Sequence[int]) -> None:
    """Block or unblock the payment of open invoices."""
    access.check_right(env, "account.move", "write")
    for move in env.records("account.move", ids_of(ids)):
        if move["payment_state"] == "blocked":
            orm.update(env, "account.move", [move["id"]], {"payment_state": "not_paid"})
            reconciliation.refresh_payment_states(env, [move["id"]])
        elif move["payment_state"] in ("not_paid", "partial"):
            orm.update(env, "account.move", [move["id"]], {"payment_state": "blocked"})
        touch_lines(env, [move["id"]])


def js_assign_outstanding_line(env: Env, ids: int | Sequence[int], line_id: int) -> None:
    """Reconcile an open credit (a payment, a credit note) with an invoice."""
    access.check_right(env, "account.move", "write")
    terms = reconciliation.open_term_lines(env, ids_of(ids))
    reconciliation.reconcile(env, [*terms, line_id])


def js_remove_outstanding_partial(env: Env, _ids: int | Sequence[int], partial_id: int) -> None:
    """Undo one reconciliation."""
    access.check_right(env, "account.partial.reconcile", "unlink")
    reconciliation.remove(env, [partial_id])


Moves.methods = {
    "action_post": action_post,
    "button_draft": button_draft,
    "button_cancel": button_cancel,
    "action_toggle_block_payment": action_toggle_block_payment,
    "js_assign_outstanding_line": js_assign_outstanding_line,
    "js_remove_outstanding_partial": js_remove_outstanding_partial,
}
register("account.move", Moves())
