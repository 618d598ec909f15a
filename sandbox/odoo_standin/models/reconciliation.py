"""Matching open items: partial and full reconciliation, and the payment states that follow.

Flows in: receivable lines. Flows out: account.partial.reconcile rows, residuals, payment states of
invoices and states of payments. Undoing deletes the rows: they leave no trace, as in Odoo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from sandbox.odoo_standin import orm
from sandbox.odoo_standin.environment import Env, Row
from sandbox.odoo_standin.models.documents import INVOICES

_ZERO = Decimal(0)


def open_term_lines(env: Env, move_ids: Sequence[int]) -> list[int]:
    """Return the unreconciled receivable lines of documents."""
    query = """select id from account_move_line where move_id = any(%s)
               and display_type = 'payment_term' and not reconciled order by date_maturity, id"""
    return [row[0] for row in env.tuples(query, (list(move_ids),))]


def reconcile(env: Env, line_ids: Sequence[int]) -> None:
    """Match debits with credits, oldest first, until one side is used up."""
    lines = env.rows(
        """select l.*, m.date as move_date from account_move_line l
           join account_move m on m.id = l.move_id where l.id = any(%s) order by l.id""",
        (list(line_ids),),
    )
    debits = [line for line in lines if line["amount_residual"] > 0]
    credits = [line for line in lines if line["amount_residual"] < 0]
    while debits and credits:
        _match(env, debits[0], credits[0])
        debits = [line for line in debits if line["amount_residual"] > 0]
        credits = [line for line in credits if line["amount_residual"] < 0]
    _settle(env, lines, touches_lines=True)


def _match(env: Env, debit: Row, credit: Row) -> None:
    amount = min(debit["amount_residual"], -credit["amount_residual"])
    foreign = min(debit["amount_residual_currency"], -credit["amount_residual_currency"])
    for line, sign in ((debit, -1), (credit, 1)):
        line["amount_residual"] += sign * amount
        line["amount_residual_currency"] += sign * foreign
    env.execute(
        """insert into account_partial_reconcile (debit_move_id, credit_move_id, amount,
               debit_amount_currency, credit_amount_currency, debit_currency_id,
               credit_currency_id, max_date, company_id,
               create_uid, create_date, write_uid, write_date)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            debit["id"], credit["id"], amount, foreign, foreign, debit["currency_id"],
            credit["currency_id"], max(debit["move_date"], credit["move_date"]),
            debit["company_id"], env.uid, env.now, env.uid, env.now,
        ),
    )  # fmt: skip


def _settle(env: Env, lines: Sequence[Row], *, touches_lines: bool) -> None:
    """Store residuals, name the matching, refresh the states of what the lines belong to."""
    for line in lines:
        orm.update(
            env,
            "account.move.line",
            [line["id"]],
            {
                "amount_residual": line["amount_residual"],
                "amount_residual_currency": line["amount_residual_currency"],
                "reconciled": line["amount_residual"] == 0,
            },
        )
    _name_matchings(env, [line["id"] for line in lines])
    moves = sorted({line["move_id"] for line in lines})
    refresh_payment_states(env, moves)
    if touches_lines:
        env.execute(
            """update account_move_line l set write_date = %s from account_move m
               where m.id = l.move_id and m.id = any(%s) and m.move_type <> 'entry'""",
            (env.now, moves),
        )


def _connected(env: Env, line_ids: Sequence[int]) -> list[int]:
    """Return all lines that are matched with these, directly or through others."""
    query = """with recursive linked (id) as (
            select unnest(%s::bigint[])
            union
            select case when p.debit_move_id = l.id then p.credit_move_id else p.debit_move_id end
            from linked l join account_partial_reconcile p
                on l.id in (p.debit_move_id, p.credit_move_id))
        select id from linked"""
    return [row[0] for row in env.tuples(query, (list(line_ids),))]


def _name_matchings(env: Env, line_ids: Sequence[int]) -> None:
    """Everything settled: a full reconcile with its number; else P and the first partial."""
    done: set[int] = set()
    for line_id in line_ids:
        group = _connected(env, [line_id])
        if line_id in done:
            continue
        done.update(group)
        partials = env.rows(
            """select id, full_reconcile_id from account_partial_reconcile
               where debit_move_id = any(%s) order by id""",
            (group,),
        )
        is_open = env.scalar(
            "select bool_or(amount_residual <> 0) from account_move_line where id = any(%s)",
            (group,),
        )
        _name_group(env, group, partials, bool(is_open))


def _name_group(env: Env, group: list[int], partials: list[Row], is_open: bool) -> None:
    full_id: int | None = None
    number: str | None = None
    if partials and not is_open:
        full_id = env.scalar(
            """insert into account_full_reconcile (create_uid, create_date, write_uid, write_date)
               values (%s, %s, %s, %s) returning id""",
            (env.uid, env.now, env.uid, env.now),
        )
        number = str(full_id)
    elif partials:
        number = f"P{partials[0]['id']}"
    env.execute(
        """update account_move_line set full_reconcile_id = %s, matching_number = %s
           where id = any(%s)""",
        (full_id, number, group),
    )
    env.execute(
        "update account_partial_reconcile set full_reconcile_id = %s where id = any(%s)",
        (full_id, [partial["id"] for partial in partials]),
    )


# --------------------------------------------------------------------------- undoing


def remove(env: Env, partial_ids: Iterable[int]) -> None:
    """Delete partial reconciliations and give the lines their residuals back."""
    partials = env.records("account.partial.reconcile", partial_ids)
    if not partials:
        return
    fulls = {partial["full_reconcile_id"] for partial in partials if partial["full_reconcile_id"]}
    lines = {
        line["id"]: line
        for line in env.records(
            "account.move.line",
            {p["debit_move_id"] for p in partials} | {p["credit_move_id"] for p in partials},
        )
    }
    for partial in partials:
        debit, credit = lines[partial["debit_move_id"]], lines[partial["credit_move_id"]]
        debit["amount_residual"] += partial["amount"]
        debit["amount_residual_currency"] += partial["debit_amount_currency"]
        credit["amount_residual"] -= partial["amount"]
        credit["amount_residual_currency"] -= partial["credit_amount_currency"]
    orm.delete(env, "account.partial.reconcile", [partial["id"] for partial in partials])
    orm.delete(env, "account.full.reconcile", fulls)
    env.execute(
        """update account_partial_reconcile set full_reconcile_id = null
           where full_reconcile_id = any(%s)""",
        (list(fulls),),
    )
    _settle(env, list(lines.values()), touches_lines=False)


def remove_of_lines(env: Env, line_ids: Sequence[int]) -> None:
    """Undo every reconciliation that these lines take part in."""
    query = """select id from account_partial_reconcile
               where debit_move_id = any(%s) or credit_move_id = any(%s)"""
    remove(env, [row[0] for row in env.tuples(query, (list(line_ids), list(line_ids)))])


def remove_of_moves(env: Env, move_ids: Sequence[int]) -> None:
    """Undo every reconciliation of these documents."""
    query = "select id from account_move_line where move_id = any(%s)"
    remove_of_lines(env, [row[0] for row in env.tuples(query, (list(move_ids),))])


# --------------------------------------------------------------------------- states


def refresh_payment_states(env: Env, move_ids: Sequence[int]) -> None:
    """Recompute residual and payment_state of invoices, then the states of their payments."""
    invoices = []
    for move in env.records("account.move", move_ids):
        if move["move_type"] in INVOICES and move["state"] == "posted":
            invoices.append(move["id"])
            _refresh_one(env, move)
    refresh_payments(env, move_ids, invoices)


def _refresh_one(env: Env, move: Row) -> None:
    residual, residual_currency = env.tuples(
        """select coalesce(sum(amount_residual), 0), coalesce(sum(amount_residual_currency), 0)
           from account_move_line where move_id = %s and display_type = 'payment_term'""",
        (move["id"],),
    )[0]
    sign = 1 if move["move_type"] in ("out_invoice", "in_refund") else -1
    state = _payment_state(env, move, residual_currency)
    signed = residual if move["move_type"] in ("out_invoice", "out_refund") else -residual
    orm.update(
        env,
        "account.move",
        [move["id"]],
        {
            "amount_residual": sign * residual_currency,
            "amount_residual_signed": signed,
            "payment_state": state,
        },
    )


def _payment_state(env: Env, move: Row, residual: Decimal) -> str:
    counterparts = _counterparts(env, move["id"])
    if not counterparts:
        if move["payment_state"] == "blocked":
            return "blocked"
        return "not_paid" if move["amount_total"] else "paid"
    if residual != 0:
        return "partial"
    refunds = {"out_invoice": {"out_refund"}, "in_invoice": {"in_refund"}}
    return "reversed" if counterparts == refunds.get(move["move_type"]) else "paid"


def _counterparts(env: Env, move_id: int) -> set[str]:
    """Return the kinds of documents that this one is reconciled with."""
    query = """select distinct o.move_type
        from account_move_line l
        join account_partial_reconcile p on l.id in (p.debit_move_id, p.credit_move_id)
        join account_move_line x on x.id in (p.debit_move_id, p.credit_move_id) and x.id <> l.id
        join account_move o on o.id = x.move_id
        where l.move_id = %s"""
    return {row[0] for row in env.tuples(query, (move_id,))}


def refresh_payments(env: Env, move_ids: Sequence[int], invoice_ids: Sequence[int]) -> None:
    """A payment in process is paid once all its invoices are; it is reconciled by its entry."""
    payments = env.rows(
        """select p.*, coalesce((select bool_and(l.reconciled) from account_move_line l
                   join account_account a on a.id = l.account_id
                   where l.move_id = p.move_id and a.account_type = 'asset_receivable'), false)
               as entry_reconciled,
               (select coalesce(bool_and(m.payment_state in ('paid', 'reversed')), false)
                from account_move m where m.id = any(p.invoice_ids)) as invoices_paid
           from account_payment p
           where p.move_id = any(%s) or p.invoice_ids && %s::bigint[]""",
        (list(move_ids), list(invoice_ids)),
    )
    for payment in payments:
        state = payment["state"]
        if state in ("in_process", "paid"):
            state = "paid" if payment["invoices_paid"] else "in_process"
        orm.update(
            env,
            "account.payment",
            [payment["id"]],
            {"state": state, "is_reconciled": payment["entry_reconciled"]},
        )
