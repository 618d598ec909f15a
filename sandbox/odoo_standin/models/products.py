"""product.template and product.product: one variant per template, each following the other.

Flows in: either of the two. Flows out: both, with the default taxes of all companies where the
taxes were left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import orm
from sandbox.odoo_standin.behaviour import Behaviour, register
from sandbox.odoo_standin.environment import Env, Values

_SHARED = ("default_code", "active", "barcode")
_ALONE = {"no_variant": True}
# What a variant has of its template, and hands on to it when written.
_OF_TEMPLATE = (
    "name", "sale_ok", "purchase_ok", "list_price", "type", "uom_id", "categ_id", "taxes_id",
    "company_id", "description_sale", "invoice_policy",
)  # fmt: skip


class Templates(Behaviour):
    """A template makes its variant and passes code and archiving on."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "type": "consu", "sale_ok": True, "purchase_ok": True, "list_price": 1, "sequence": 1,
        "invoice_policy": "order", "uom_id": 1, "categ_id": 1,
    }  # fmt: skip

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        default = [(6, 0, _default_taxes(env))]
        return [{"taxes_id": default} | vals for vals in vals_list]

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        if env.context.get("no_variant"):
            return
        variants = [
            {"product_tmpl_id": template_id}
            | {name: vals[name] for name in _SHARED if name in vals}
            for template_id, vals in zip(ids, vals_list, strict=True)
        ]
        orm.create(env, env.model("product.product"), variants)

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        shared = {n: vals[n] or None for n in ("default_code",) if n in vals}
        if "active" in vals:
            shared["active"] = bool(vals["active"])
        query = "select id from product_product where product_tmpl_id = any(%s)"
        orm.update(env, "product.product", [row[0] for row in env.tuples(query, (ids,))], shared)


def _default_taxes(env: Env) -> list[int]:
    rows = env.tuples(
        """select account_sale_tax_id from res_company
           where account_sale_tax_id is not null order by id"""
    )
    return [row[0] for row in rows]


class Variants(Behaviour):
    """A variant of its own gets a template."""

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        alone = env.with_context(**_ALONE)
        missing = [vals for vals in vals_list if not vals.get("product_tmpl_id")]
        templates = [
            {n: v for n, v in vals.items() if n in (*_OF_TEMPLATE, *_SHARED) and n != "barcode"}
            | ({"list_price": vals["lst_price"]} if "lst_price" in vals else {})
            for vals in missing
        ]
        ids = orm.create(alone, env.model("product.template"), templates) if missing else []
        for vals, template_id in zip(missing, ids, strict=True):
            vals["product_tmpl_id"] = template_id
        return vals_list

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        passed = {n: v for n, v in vals.items() if n in (*_OF_TEMPLATE, "default_code")}
        if "lst_price" in vals:
            passed["list_price"] = vals["lst_price"]
        if passed:
            query = "select distinct product_tmpl_id from product_product where id = any(%s)"
            templates = [row[0] for row in env.tuples(query, (ids,))]
            orm.write(env, env.model("product.template"), templates, passed)


register("product.template", Templates())
register("product.product", Variants())
