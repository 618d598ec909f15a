"""Posting: the rules, the number, the dates, and what a credit note does to its original.

Flows in: drafts. Flows out: posted documents with names from their journal's sequence.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sandbox.odoo_standin import orm
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.models import reconciliation
from sandbox.odoo_standin.models.documents import INVOICES, SALES
from sandbox.odoo_standin.models.totals import recompute

_NO_PARTNER = (
    "The 'Customer' field is required to validate the invoice.\n"
    "You probably don't want to explain to your auditor that you invoiced an invisible man :)"
)
_NEGATIVE = (
    "You cannot validate an invoice with a negative total amount. You should create a credit note "
    "instead. Use the action menu to transform it into a credit note or refund."
)
_ARCHIVED_BANK = (
    "The recipient bank account linked to this invoice is archived.\n"
    "So you cannot confirm the invoice."
)
_NOTHING = "Even magicians can't post nothing!"
_SALES_LOCKS = (
    ("fiscalyear_lock_date", "Global Lock Date"),
    ("sale_lock_date", "Sales Lock Date"),
)
_TAX_LOCK = ("tax_lock_date", "Tax Return Lock Date")


def check_may_post(env: Env, move_ids: Sequence[int]) -> None:
    """Raise UserError with all that speaks against posting, one per line, as Odoo does."""
    said: dict[str, None] = {}
    moves = env.records("account.move", move_ids)
    for move in moves:
        if move["move_type"] in INVOICES:
            said |= dict.fromkeys(_invoice_complaints(env, move))
    for move in moves:
        if move["state"] in ("posted", "cancel"):
            name = move["name"] or False
            said[f"The entry {name} (id {move['id']}) must be in draft."] = None
        lines = env.scalar(
            """select count(*) from account_move_line where move_id = %s
               and display_type not in ('line_section', 'line_subsection', 'line_note')""",
            (move["id"],),
        )
        if not lines:
            said[_NOTHING] = None
        if not env.scalar("select active from res_currency where id = %s", (move["currency_id"],)):
            name = env.scalar("select name from res_currency where id = %s", (move["currency_id"],))
            said[f"You cannot validate a document with an inactive currency: {name}"] = None
    if said:
        raise UserError("\n".join(said))


def _invoice_complaints(env: Env, move: Row) -> list[str]:
    complaints = []
    if move["partner_bank_id"]:
        active = env.scalar(
            "select active from res_partner_bank where id = %s", (move["partner_bank_id"],)
        )
        if not active:
            complaints.append(_ARCHIVED_BANK)
    if (move["amount_total"] or 0) < 0:
        complaints.append(_NEGATIVE)
    if not move["partner_id"]:
        complaints.append(_NO_PARTNER)
    return complaints


def mark_posted(env: Env, move_ids: Sequence[int], *, is_checked: bool) -> None:
    """Post: date, number, due dates; then reconcile credit notes with their originals.

    `is_checked` is False for a bare write of the state, which posts but does nothing beyond.
    """
    for move in env.records("account.move", move_ids):
        _post_one(env, move)
    posted = env.records("account.move", move_ids)
    if is_checked:
        for move in posted:
            _reconcile_with_original(env, move)
    partners = {move["partner_id"] for move in posted if move["move_type"] in SALES}
    _count_customers(env, [partner_id for partner_id in partners if partner_id])
    zero = [m["id"] for m in posted if m["move_type"] in INVOICES and not m["amount_total"]]
    orm.update(env, "account.move", zero, {"payment_state": "paid"})


def _post_one(env: Env, move: Row) -> None:
    invoice_date = move["invoice_date"]
    if move["move_type"] in INVOICES and invoice_date is None:
        invoice_date = env.today
    date = _first_open_day(env, move, invoice_date or move["date"])
    move |= {"invoice_date": invoice_date, "date": date, "posted_before": True}
    values: Values = _numbered(env, move) | {
        "invoice_date": invoice_date, "date": date, "posted_before": True,
    }  # fmt: skip
    if move["move_type"] == "out_invoice" and not move["payment_reference"]:
        values["payment_reference"] = values["name"]
    orm.update(env, "account.move", [move["id"]], values)
    recompute(env, [move["id"]])
    _take_due_date_of_term(env, move)
    orm.update(env, "account.move", [move["id"]], {"state": "posted"})
    env.execute(
        "update account_move_line set write_date = %s, write_uid = %s where move_id = %s",
        (env.now, env.uid, move["id"]),
    )


def _take_due_date_of_term(env: Env, move: Row) -> None:
    """With a payment term the due date that was sent does not survive posting."""
    if move["invoice_payment_term_id"]:
        env.execute(
            """update account_move m set invoice_date_due = (select max(l.date_maturity)
                   from account_move_line l
                   where l.move_id = m.id and l.display_type = 'payment_term')
               where m.id = %s""",
            (move["id"],),
        )


def _count_customers(env: Env, partner_ids: Sequence[int]) -> None:
    """Posting raises customer_rank, which moves the partner's write_date."""
    if partner_ids:
        env.execute(
            """update res_partner set customer_rank = coalesce(customer_rank, 0) + 1,
                   write_date = %s, write_uid = %s where id = any(%s)""",
            (env.now, env.uid, list(partner_ids)),
        )


# --------------------------------------------------------------------------- numbers


def _numbered(env: Env, move: Row) -> Values:
    """Return the name that a document gets; one that it has already is kept."""
    if move["name"] and move["name"] != "/":
        return {"name": move["name"]}
    code = env.scalar("select code from account_journal where id = %s", (move["journal_id"],))
    if move["move_type"] in ("out_refund", "in_refund"):
        code = f"R{code}"
    elif move["origin_payment_id"]:
        code = f"P{code}"
    prefix = f"{code}/{move['date'].year}/"
    latest = env.scalar(
        """select max(sequence_number) from account_move
           where journal_id = %s and sequence_prefix = %s and id <> %s""",
        (move["journal_id"], prefix, move["id"]),
    )
    number = int(latest or 0) + 1
    return {"name": f"{prefix}{number:05d}", "sequence_prefix": prefix, "sequence_number": number}


# --------------------------------------------------------------------------- lock dates


def _locks(company: Row) -> list[tuple[datetime.date, str]]:
    return [(company[name], label) for name, label in _SALES_LOCKS if company[name]]


def _first_open_day(env: Env, move: Row, date: datetime.date) -> datetime.date:
    """A locked day is not an error on posting: the accounting date moves to the first open one."""
    company = env.company_of(move["company_id"])
    locks = [locked for locked, _ in _locks(company)]
    if company["tax_lock_date"]:
        locks.append(company["tax_lock_date"])
    latest = max(locks, default=None)
    if latest is None or date > latest or move["move_type"] not in INVOICES:
        return date
    return max(latest + datetime.timedelta(days=1), date)


def check_lock_dates(env: Env, move: Row) -> None:
    """Raise UserError for a posted document in a locked period."""
    company = env.record("res.company", move["company_id"])
    if move["state"] != "posted":
        return
    for locked, label in _locks(company):
        if move["date"] <= locked:
            raise UserError(
                "You cannot add/modify entries prior to and inclusive of: "
                f"{label} ({locked:%m/%d/%Y})."
            )
    locked = company[_TAX_LOCK[0]]
    if locked and move["date"] <= locked:
        raise UserError(
            "The operation is refused as it would impact an already issued tax statement. "
            "Please change the journal entry date or the following lock dates to proceed: "
            f"{_TAX_LOCK[1]} ({locked:%m/%d/%Y})."
        )


# --------------------------------------------------------------------------- credit notes


def _reconcile_with_original(env: Env, move: Row) -> None:
    """A posted credit note settles its posted, still open original; of the same customer, or of any
    (which builds differ in).
    """
    if move["move_type"] not in ("out_refund", "in_refund") or not move["reversed_entry_id"]:
        return
    original = env.record("account.move", move["reversed_entry_id"])
    is_same: Any = original["commercial_partner_id"] == move["commercial_partner_id"]
    may_settle = is_same or env.registry.build.settles_across_partners
    if original["state"] == "posted" and original["amount_residual"] and may_settle:
        lines = reconciliation.open_term_lines(env, [original["id"], move["id"]])
        reconciliation.reconcile(env, lines)
