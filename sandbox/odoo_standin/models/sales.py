"""sale.order and its lines: quotations with taxes, confirmed or cancelled; shadow subscriptions.

Flows in: orders as clients or imports send them. Flows out: orders with totals per line and in sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import access, orm
from sandbox.odoo_standin.behaviour import Behaviour, Method, ids_of, register
from sandbox.odoo_standin.computed import PRICELIST
from sandbox.odoo_standin.environment import Env, Row, Values
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.models.taxation import (
    applied_taxes,
    delivery_partner,
    fiscal_position,
    product_taxes,
)
from sandbox.odoo_standin.taxes import InvoiceLine, compute

_ZERO = Decimal(0)


class Orders(Behaviour):
    """Defaults from the customer, totals from the lines."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "state": "draft",
        "invoice_status": "no",
        "currency_rate": 1,
        "locked": False,
    }

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        return [_complete_order(env, vals) for vals in vals_list]

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        recompute(env, ids)

    @override
    def writing(self, env: Env, ids: list[int], vals: Values) -> Values:
        if "pricelist_id" not in vals:
            return vals
        company_id = env.record("sale.order", ids[0])["company_id"]
        return vals | {"currency_id": _currency(env, vals | {"company_id": company_id})}

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        recompute(env, ids)

    @override
    def unlinking(self, env: Env, ids: list[int]) -> None:
        if any(
            order["state"] not in ("draft", "cancel") for order in env.records("sale.order", ids)
        ):
            raise UserError(
                "You can not delete a sent quotation or a confirmed sales order. "
                "You must first cancel it."
            )
        query = "select id from sale_order_line where order_id = any(%s)"
        orm.delete(env, "sale.order.line", [row[0] for row in env.tuples(query, (ids,))])

    methods: ClassVar[Mapping[str, Method]] = {}


def _complete_order(env: Env, vals: Values) -> Values:
    company_id = vals.get("company_id") or env.company["id"]
    order: Values = {"date_order": env.now, "user_id": env.uid} | vals | {"company_id": company_id}
    if not order.get("name") or order["name"] == "New":
        order["name"] = f"S{env.scalar('select nextval(%s)', ('sale_order_name_seq',)):05d}"
    if "is_subscription" in env.model("sale.order").fields:
        order["is_subscription"] = bool(order.get("is_subscription") or order.get("plan_id"))
    partner_id = order.get("partner_id") or None
    if "pricelist_id" not in order:
        order["pricelist_id"] = pricelist_of(env, partner_id)
    order["currency_id"] = _currency(env, order)
    if partner_id is None:
        return order
    partner = env.cached(("partner", partner_id), lambda: env.record("res.partner", partner_id))
    shipping = order.get("partner_shipping_id") or delivery_partner(env, partner_id)
    return {
        "partner_invoice_id": partner_id,
        "partner_shipping_id": shipping,
        "payment_term_id": partner["property_payment_term_id"],
        "fiscal_position_id": fiscal_position(env, company_id, partner_id, shipping),
    } | order


def pricelist_of(env: Env, partner_id: int | None) -> int | None:
    """The pricelist that Odoo would give to this customer's next order."""
    query = f"select {PRICELIST} from res_partner t where t.id = %s"
    found = env.scalar(query, (partner_id,)) if partner_id else None
    return int(found) if found else None


def _currency(env: Env, order: Values) -> int:
    """The pricelist's; a price that the client sends is kept as a number of that currency."""
    pricelist = order.get("pricelist_id") or None
    listed = env.record("product.pricelist", pricelist)["currency_id"] if pricelist else None
    return int(listed or env.company_of(order["company_id"])["currency_id"])


class OrderLines(Behaviour):
    """Defaults from the product; the order's totals follow every change."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "product_uom_qty": 1, "discount": 0, "qty_delivered": 0, "qty_invoiced": 0,
        "qty_to_invoice": 0, "invoice_status": "no", "is_downpayment": False, "sequence": 10,
    }  # fmt: skip

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        ids = {int(vals["order_id"]) for vals in vals_list}
        orders = {order["id"]: order for order in env.records("sale.order", ids)}
        return [_complete_line(env, vals, orders[int(vals["order_id"])]) for vals in vals_list]

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        if not env.context.get("parent_creates"):
            recompute(env, _orders_of(env, ids))

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        recompute(env, _orders_of(env, ids))

    @override
    def unlinking(self, env: Env, ids: list[int]) -> None:
        orders = _orders_of(env, ids)
        orm.delete(env, "sale.order.line", ids)
        recompute(env, orders)


def _orders_of(env: Env, line_ids: Sequence[int]) -> list[int]:
    query = "select distinct order_id from sale_order_line where id = any(%s)"
    return [row[0] for row in env.tuples(query, (list(line_ids),))]


def _complete_line(env: Env, vals: Values, order: Row) -> Values:
    line = dict(vals)
    product_id = line.get("product_id") or None
    product = _product(env, product_id)
    if line.get("display_type"):
        return line | {"product_uom_qty": 0, "price_unit": 0}
    if "name" not in line and product is not None:
        line["name"] = product["title"]
    if "price_unit" not in line:
        line["price_unit"] = product["list_price"] if product is not None else 0
    if not line.get("product_uom_id"):
        line["product_uom_id"] = product["uom_id"] if product is not None else False
    if "tax_ids" not in line:
        found = product_taxes(env, product_id, order["company_id"], order["fiscal_position_id"])
        line["tax_ids"] = [(6, 0, found)]
    return line


def _product(env: Env, product_id: int | None) -> Row | None:
    if product_id is None:
        return None
    return env.rows(
        """select t.uom_id, t.list_price,
               case when p.default_code is null then '' else '[' || p.default_code || '] ' end
               || t.name as title
           from product_product p join product_template t on t.id = p.product_tmpl_id
           where p.id = %s""",
        (product_id,),
    )[0]


def recompute(env: Env, order_ids: Sequence[int]) -> None:
    """Recompute the lines' and the orders' amounts."""
    for order in env.records("sale.order", order_ids):
        decimals = env.currency_decimals(order["currency_id"])
        method = env.company_of(order["company_id"])["tax_calculation_rounding_method"]
        rows = env.rows(
            """select * from sale_order_line where order_id = %s and display_type is null
               order by sequence, id""",
            (order["id"],),
        )
        lines = [
            InvoiceLine(
                row["product_uom_qty"] or _ZERO,
                row["price_unit"] or _ZERO,
                row["discount"] or _ZERO,
                applied_taxes(env, row["tax_ids"]),
            )
            for row in rows
        ]
        totals = compute(lines, method, decimals)
        for row, shown in zip(rows, totals.lines, strict=True):
            values = {
                "price_subtotal": shown.subtotal,
                "price_total": shown.total,
                "price_tax": shown.total - shown.subtotal,
            }
            orm.update(env, "sale.order.line", [row["id"]], values)
        orm.update(
            env,
            "sale.order",
            [order["id"]],
            {
                "amount_untaxed": totals.untaxed,
                "amount_tax": totals.tax,
                "amount_total": totals.total,
            },
        )


def _set_state(state: str, invoice_status: str) -> Method:
    def act(env: Env, ids: int | Sequence[int]) -> bool:
        access.check_right(env, "sale.order", "write")
        values = {"state": state, "invoice_status": invoice_status}
        orm.update(env, "sale.order", ids_of(ids), values)
        _follow_subscription(env, ids_of(ids), state)
        return True

    return act


def _follow_subscription(env: Env, order_ids: Sequence[int], state: str) -> None:
    """On Enterprise a confirmed order with a plan is a subscription in progress."""
    if "subscription_state" in env.model("sale.order").fields:
        progress = {"sale": "3_progress", "draft": "1_draft", "cancel": "6_churn"}[state]
        env.execute(
            "update sale_order set subscription_state = %s where id = any(%s) and is_subscription",
            (progress, list(order_ids)),
        )


Orders.methods = {
    "action_confirm": _set_state("sale", "to invoice"),
    "action_cancel": _set_state("cancel", "no"),
    "action_draft": _set_state("draft", "no"),
}
register("sale.order", Orders())
register("sale.order.line", OrderLines())
