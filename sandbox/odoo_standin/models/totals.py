"""Recomputing a document: product lines' amounts, tax lines, receivable lines, header totals.

Flows in: ids of draft invoices. Flows out: the rows as Odoo would leave them. Lines that stay the
same kind keep their ids, as in Odoo, so that references to them stay true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from psycopg2.extras import execute_values

from sandbox.odoo_standin import orm
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.models.documents import (
    INVOICES,
    due_dates,
    sign_of,
    signed_total_sign,
)
from sandbox.odoo_standin.models.taxation import applied_taxes, taxes_by_id
from sandbox.odoo_standin.taxes import InvoiceLine, Totals, compute
from sandbox.odoo_standin.values import round_to

_ZERO = Decimal(0)
_TAX_SEQUENCE = 10_000
# Beyond this a binary float has no cents left; Odoo answers that the entry does not balance.
_UNBALANCED = Decimal(10) ** 13
_LINE_COLUMNS = (
    "price_subtotal", "price_total", "balance", "amount_currency", "amount_residual",
    "amount_residual_currency", "tax_base_amount", "date_maturity", "partner_id", "name",
)  # fmt: skip


def recompute(env: Env, move_ids: Sequence[int]) -> None:
    """Bring drafts in order after any change of their header or lines."""
    moves = [m for m in env.records("account.move", move_ids) if m["move_type"] in INVOICES]
    if not moves:
        return
    lines: dict[int, list[Row]] = {move["id"]: [] for move in moves}
    for line in env.rows(
        """select * from account_move_line where move_id = any(%s)
           order by move_id, sequence, id""",
        (list(lines),),
    ):
        lines[line["move_id"]].append(line)
    changes = _Changes(env)
    for move in moves:
        _recompute_one(env, move, lines[move["id"]], changes)
    changes.apply()


class _Changes:
    """Collected writes of several documents, done with a few statements."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.updated: list[Row] = []
        self.inserted: list[Values] = []
        self.deleted: list[int] = []
        self.headers: list[tuple[int, Values]] = []

    def apply(self) -> None:
        if self.deleted:
            orm.delete(self.env, "account.move.line", self.deleted)
        self._update_lines()
        if self.inserted:
            _insert_lines(self.env, self.inserted)
        self._update_headers()

    def _update_lines(self) -> None:
        if not self.updated:
            return
        stamp = (self.env.uid, self.env.now)
        values = [
            (line["id"], *(line[name] for name in _LINE_COLUMNS), *stamp) for line in self.updated
        ]
        sets = ", ".join(
            f"{name} = v.{name}" for name in (*_LINE_COLUMNS, "write_uid", "write_date")
        )
        names = ", ".join(("id", *_LINE_COLUMNS, "write_uid", "write_date"))
        casts = "(%s, " + "%s::numeric, " * 7 + "%s::date, %s::bigint, %s::text, %s, %s::timestamp)"
        execute_values(
            self.env.cursor,
            f"""update account_move_line l set {sets} from (values %s) as v ({names})
                where l.id = v.id""",
            values,
            casts,
            page_size=len(values),
        )

    def _update_headers(self) -> None:
        names = list(self.headers[0][1])
        stamp = (self.env.uid, self.env.now)
        values = [(key, *(row[name] for name in names), *stamp) for key, row in self.headers]
        columns = ", ".join(["id", *names, "write_uid", "write_date"])
        sets = ", ".join(f"{name} = v.{name}" for name in [*names, "write_uid", "write_date"])
        execute_values(
            self.env.cursor,
            f"update account_move m set {sets} from (values %s) as v ({columns}) where m.id = v.id",
            values,
            "(%s, " + "%s::numeric, " * len(names) + "%s, %s::timestamp)",
            page_size=len(values),
        )


def _insert_lines(env: Env, rows: Sequence[Values]) -> None:
    model = env.model("account.move.line")
    names = sorted({name for row in rows for name in row})
    stamp = {
        "create_uid": env.uid,
        "write_uid": env.uid,
        "create_date": env.now,
        "write_date": env.now,
    }
    columns = [*names, *stamp]
    casts = ", ".join(f"%s::{model.fields[name].column_type}" for name in columns)
    values = [[*(row.get(name) for name in names), *stamp.values()] for row in rows]
    execute_values(
        env.cursor,
        f"insert into account_move_line ({', '.join(columns)}) values %s",
        values,
        f"({casts})",
        page_size=1000,
    )


# --------------------------------------------------------------------------- one document


def _recompute_one(env: Env, move: Row, lines: Sequence[Row], changes: _Changes) -> None:
    products = [line for line in lines if line["display_type"] == "product"]
    decimals = env.currency_decimals(move["currency_id"])
    totals = _totals(env, move, products, decimals)
    if abs(totals.total) > _UNBALANCED:
        raise UserError("The entry is not balanced.")
    to_company = _Conversion(env, move)
    sign = -sign_of(move["move_type"])
    for line, shown in zip(products, totals.lines, strict=True):
        line |= {"price_subtotal": shown.subtotal, "price_total": shown.total}
        line |= to_company.amounts(sign * shown.balance)
        line |= {"partner_id": move["commercial_partner_id"], "amount_residual": _ZERO,
                 "amount_residual_currency": _ZERO}  # fmt: skip
        changes.updated.append(line)
    wanted = [
        *_tax_lines(env, move, totals, to_company, sign),
        *_term_lines(env, move, totals, to_company, -sign, decimals),
    ]
    _match_lines([line for line in lines if line["display_type"] in _GENERATED], wanted, changes)
    changes.headers.append((move["id"], _header(move, totals, to_company)))


_GENERATED = ("tax", "payment_term")


class _Conversion:
    """From the document's currency into the company's."""

    def __init__(self, env: Env, move: Row) -> None:
        company = env.company_of(move["company_id"])
        self.is_foreign = company["currency_id"] != move["currency_id"]
        self._rate = Decimal(move["invoice_currency_rate"] or 1)
        self._decimals = env.currency_decimals(company["currency_id"])

    def balance(self, amount: Decimal) -> Decimal:
        return round_to(amount / self._rate, self._decimals) if self.is_foreign else amount

    def amounts(self, amount: Decimal) -> Values:
        return {"amount_currency": amount, "balance": self.balance(amount)}


def _totals(env: Env, move: Row, products: Sequence[Row], decimals: int) -> Totals:
    method = env.company_of(move["company_id"])["tax_calculation_rounding_method"]
    lines = [
        InvoiceLine(
            Decimal(line["quantity"] or 0),
            Decimal(line["price_unit"] or 0),
            Decimal(line["discount"] or 0),
            applied_taxes(env, line["tax_ids"]),
        )
        for line in products
    ]
    return compute(lines, method, decimals)


def _common(move: Row) -> Values:
    return {
        "move_id": move["id"], "company_id": move["company_id"],
        "currency_id": move["currency_id"], "partner_id": move["commercial_partner_id"],
        "quantity": _ZERO, "price_unit": _ZERO, "discount": _ZERO, "price_subtotal": _ZERO,
        "price_total": _ZERO, "tax_ids": [], "reconciled": False, "amount_residual": _ZERO,
        "amount_residual_currency": _ZERO, "tax_base_amount": _ZERO, "sequence": _TAX_SEQUENCE,
        "sale_line_ids": [],
    }  # fmt: skip


def _tax_lines(
    env: Env, move: Row, totals: Totals, to_company: _Conversion, sign: int
) -> Iterable[Values]:
    taxes = taxes_by_id(env)
    for key, item in totals.taxes.items():
        if item.amount == 0:
            continue
        tax = taxes[key.tax_id]
        yield _common(move) | to_company.amounts(sign * item.amount) | {
            "display_type": "tax", "name": tax["name"], "tax_line_id": key.tax_id,
            "group_tax_id": key.group_id, "tax_base_amount": to_company.balance(item.base),
            "account_id": tax["standin_account_id"],
        }  # fmt: skip


def _term_lines(
    env: Env, move: Row, totals: Totals, to_company: _Conversion, sign: int, decimals: int
) -> Iterable[Values]:
    if not totals.lines:
        return
    account = receivable_account(env, move["company_id"])
    for date, amount in due_dates(env, move, totals.total, decimals):
        amounts = to_company.amounts(sign * amount)
        yield _common(move) | amounts | {
            "display_type": "payment_term", "date_maturity": date, "account_id": account,
            "name": move["payment_reference"] if move["posted_before"] else None,
            "amount_residual": amounts["balance"],
            "amount_residual_currency": amounts["amount_currency"],
        }  # fmt: skip


def receivable_account(env: Env, company_id: int) -> Any:
    """Return the company's trade receivable account."""
    return env.cached(
        ("receivable", company_id),
        lambda: env.scalar(
            """select id from account_account where account_type = 'asset_receivable'
               and %s = any(company_ids) order by id limit 1""",
            (company_id,),
        ),
    )


def _key(line: Values | Row) -> tuple[Any, ...]:
    return (line["display_type"], line.get("tax_line_id"), line.get("group_tax_id"))


def _match_lines(present: Sequence[Row], wanted: Iterable[Values], changes: _Changes) -> None:
    """Update the generated lines that are there, add what lacks, drop what is too much."""
    left = list(present)
    for values in wanted:
        found = next((line for line in left if _key(line) == _key(values)), None)
        if found is None:
            changes.inserted.append(values)
        else:
            left.remove(found)
            changes.updated.append(found | values)
    changes.deleted += [line["id"] for line in left]


def _header(move: Row, totals: Totals, to_company: _Conversion) -> Values:
    sign = signed_total_sign(move["move_type"])
    amounts = {"untaxed": totals.untaxed, "tax": totals.tax, "total": totals.total}
    header: Values = {f"amount_{name}": amount for name, amount in amounts.items()}
    header |= {
        f"amount_{name}_signed": sign * to_company.balance(amount)
        for name, amount in amounts.items()
    }
    header["amount_residual"] = totals.total
    header["amount_residual_signed"] = header["amount_total_signed"]
    header["amount_total_in_currency_signed"] = sign * totals.total
    header["amount_untaxed_in_currency_signed"] = sign * totals.untaxed
    return header
