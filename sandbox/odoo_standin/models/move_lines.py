"""account.move.line: what a line takes from its document and its product.

Flows in: values of lines. Flows out: complete lines; a change of one recomputes its document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import access, orm
from sandbox.odoo_standin.behaviour import Behaviour, Method, ids_of, register
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.models import reconciliation
from sandbox.odoo_standin.models.documents import INVOICES
from sandbox.odoo_standin.models.taxation import product_taxes, taxes_by_id
from sandbox.odoo_standin.models.totals import recompute

_TITLES = ("line_section", "line_subsection", "line_note")


class MoveLines(Behaviour):
    """Defaults from the document; totals after every change."""

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        ids = {int(vals["move_id"]) for vals in vals_list}
        moves = {move["id"]: move for move in env.records("account.move", ids)}
        return [_complete(env, vals, moves[int(vals["move_id"])]) for vals in vals_list]

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        if not env.context.get("parent_creates"):
            _refresh_documents(env, ids)

    @override
    def writing(self, env: Env, ids: list[int], vals: Values) -> Values:
        moves = _moves_of(env, ids)
        _check_companies(env, vals, moves[0]) if moves else None
        return vals

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        moves = _moves_of(env, ids)
        posted = [move["id"] for move in moves if move["state"] == "posted"]
        if posted and {"price_unit", "quantity", "discount"} & vals.keys():
            # Odoo lets the line's own amounts change on a posted move, and nothing else.
            env.execute(
                """update account_move_line set price_subtotal =
                       round(price_unit * quantity * (1 - coalesce(discount, 0) / 100), 2)
                   where id = any(%s)""",
                (ids,),
            )
        _refresh_documents(env, ids)

    @override
    def unlinking(self, env: Env, ids: list[int]) -> None:
        moves = _moves_of(env, ids)
        if any(move["state"] == "posted" for move in moves):
            raise UserError(
                "You can't delete a posted journal item. Don’t play games with your accounting "
                "records; reset the journal entry to draft before deleting it."
            )
        orm.delete(env, "account.move.line", ids)
        _refresh(env, moves)

    methods: ClassVar[Mapping[str, Method]] = {}


def _moves_of(env: Env, line_ids: Sequence[int]) -> list[Row]:
    query = "select distinct move_id from account_move_line where id = any(%s)"
    return env.records("account.move", [row[0] for row in env.tuples(query, (list(line_ids),))])


def _refresh_documents(env: Env, line_ids: Sequence[int]) -> None:
    _refresh(env, _moves_of(env, line_ids))


def _refresh(env: Env, moves: Sequence[Row]) -> None:
    recompute(env, [move["id"] for move in moves if move["state"] == "draft"])
    ids = [move["id"] for move in moves]
    orm.touch(env, "account.move", ids)
    env.execute(
        "update account_move_line set write_date = %s where move_id = any(%s)", (env.now, ids)
    )


def _complete(env: Env, vals: Values, move: Row) -> Values:
    line: Values = {
        "sequence": 10, "reconciled": False, "is_downpayment": False,
        "company_id": move["company_id"], "currency_id": move["currency_id"],
        "partner_id": move["commercial_partner_id"],
        "price_subtotal": 0, "price_total": 0, "balance": 0, "amount_currency": 0,
        "amount_residual": 0, "amount_residual_currency": 0,
    } | vals  # fmt: skip
    line["display_type"] = line.get("display_type") or "product"
    if line["display_type"] in _TITLES:
        return line | {"quantity": 0, "price_unit": 0, "tax_ids": [], "account_id": False}
    if move["move_type"] in INVOICES:
        line = _from_product(env, line, move)
        _check_companies(env, line, move)
    return line


def _from_product(env: Env, line: Values, move: Row) -> Values:
    product_id = line.get("product_id") or None
    product = _product(env, product_id)
    line.setdefault("quantity", 1)
    line.setdefault("discount", 0)
    if "name" not in line and product is not None:
        line["name"] = product["title"]
    if "price_unit" not in line:
        line["price_unit"] = product["list_price"] if product is not None else 0
    if "tax_ids" not in line:
        found = product_taxes(env, product_id, move["company_id"], move["fiscal_position_id"])
        line["tax_ids"] = [(6, 0, found)]
    if not line.get("product_uom_id") and product is not None:
        line["product_uom_id"] = product["uom_id"]
    if not line.get("account_id"):
        own = product["property_account_income_id"] if product is not None else None
        line["account_id"] = own or _journal_account(env, move["journal_id"])
    return line


def _product(env: Env, product_id: int | None) -> Row | None:
    if product_id is None:
        return None
    rows = env.cached(
        ("product", product_id),
        lambda: env.rows(
            """select t.uom_id, t.list_price, t.property_account_income_id,
                   case when p.default_code is null then '' else '[' || p.default_code || '] ' end
                   || t.name || coalesce(E'\\n' || t.description_sale, '') as title
               from product_product p join product_template t on t.id = p.product_tmpl_id
               where p.id = %s""",
            (product_id,),
        ),
    )
    return rows[0] if rows else None


def _journal_account(env: Env, journal_id: int) -> Any:
    return env.cached(
        ("journal account", journal_id),
        lambda: env.scalar(
            "select default_account_id from account_journal where id = %s", (journal_id,)
        ),
    )


def _check_companies(env: Env, line: Values, move: Row) -> None:
    """Refuse taxes of another company, in Odoo's words."""
    taxes = taxes_by_id(env)
    used: list[int] = []
    for command in line.get("tax_ids") or []:
        if not isinstance(command, int) and command[0] == 6:
            used += command[2]
    foreign = [t for t in used if t in taxes and taxes[t]["company_id"] != move["company_id"]]
    if foreign:
        names = ", ".join(f"'{taxes[tax_id]['name']}'" for tax_id in foreign)
        title = (
            f"({move['ref']}) {line.get('name') or ''}" if move["ref"] else line.get("name") or ""
        )
        raise UserError(
            "Uh-oh! You’ve got some company inconsistencies here:\n"
            f"- “{title}” belongs to company “{env.company_of(move['company_id'])['name']}” "
            f"while “Taxes” (tax_ids: {names}) belongs to another company.\n"
            "To avoid a mess, no company crossover is allowed!"
        )


def reconcile(env: Env, ids: int | Sequence[int]) -> None:
    """Reconcile open items with each other."""
    access.check_right(env, "account.partial.reconcile", "create")
    reconciliation.reconcile(env, ids_of(ids))


def remove_move_reconcile(env: Env, ids: int | Sequence[int]) -> None:
    """Undo all reconciliations of these items."""
    access.check_right(env, "account.partial.reconcile", "unlink")
    reconciliation.remove_of_lines(env, ids_of(ids))


MoveLines.methods = {"reconcile": reconcile, "remove_move_reconcile": remove_move_reconcile}
register("account.move.line", MoveLines())
