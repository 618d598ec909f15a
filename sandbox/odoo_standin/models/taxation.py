"""Which taxes a partner pays: fiscal positions and the mapping of taxes, as Odoo 19 resolves them.

Flows in: partners, products, companies. Flows out: position ids and tax ids. The traps are meant:
a Canadian partner without a province falls to the position that matches everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sandbox.odoo_standin.environment import Env, Row
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.taxes import Tax, TaxKey


def delivery_partner(env: Env, partner_id: int) -> int:
    """Return the delivery address: the child contact of that type, else the partner."""
    deliveries: dict[int, int] = env.cached("deliveries", lambda: _deliveries(env))
    return deliveries.get(partner_id, partner_id)


def _deliveries(env: Env) -> dict[int, int]:
    return dict(
        env.tuples(
            """select parent_id, min(id) from res_partner
               where type = 'delivery' and active and parent_id is not null group by parent_id"""
        )
    )


def fiscal_position(
    env: Env, company_id: int, partner_id: int | None, delivery_id: int | None
) -> int | None:
    """Return the position of a document: the one set by hand, else the first that matches."""
    if not partner_id:
        return None
    partner = env.cached(("partner", partner_id), lambda: env.record("res.partner", partner_id))
    target_id = delivery_id or delivery_partner(env, partner_id)
    delivery = env.cached(("partner", target_id), lambda: env.record("res.partner", target_id))
    by_hand = _position_by_hand(env, delivery) or _position_by_hand(env, partner)
    if by_hand or not delivery["country_id"]:
        return by_hand
    for position in _positions(env, company_id):
        if _matches(env, position, delivery):
            return int(position["id"])
    return None


def _position_by_hand(env: Env, partner: Row) -> int | None:
    """Contacts take their parent's position."""
    own: int | None = partner["property_account_position_id"]
    if own or not partner["parent_id"]:
        return own
    return _position_by_hand(env, env.record("res.partner", partner["parent_id"]))


def _positions(env: Env, company_id: int) -> list[Row]:
    return env.cached(
        ("positions", company_id),
        lambda: env.rows(
            """select * from account_fiscal_position
               where company_id = %s and active and auto_apply order by sequence, id""",
            (company_id,),
        ),
    )


def _matches(env: Env, position: Row, partner: Row) -> bool:
    if position["vat_required"] and not partner["vat"]:
        return False
    has_range = position["zip_from"] and position["zip_to"]
    if has_range and not position["zip_from"] <= (partner["zip"] or "") <= position["zip_to"]:
        return False
    if position["state_ids"] and partner["state_id"] not in position["state_ids"]:
        return False
    if position["country_id"] and position["country_id"] != partner["country_id"]:
        return False
    return not position["country_group_id"] or _in_group(env, position, partner)


def _in_group(env: Env, position: Row, partner: Row) -> bool:
    group = env.record("res.country.group", position["country_group_id"])
    is_excluded = partner["state_id"] in group["exclude_state_ids"]
    return partner["country_id"] in group["country_ids"] and not is_excluded


# --------------------------------------------------------------------------- taxes


def taxes_by_id(env: Env) -> dict[int, Row]:
    """Return all taxes, read once per call."""
    return env.cached(
        "taxes", lambda: {row["id"]: row for row in env.rows(
            """select t.*, coalesce(t.price_include_override,
                   (select c.account_price_include from res_company c where c.id = t.company_id))
                   = 'tax_included' as is_included
               from account_tax t order by t.sequence, t.id"""
        )}
    )  # fmt: skip


def map_taxes(env: Env, position_id: int | None, tax_ids: Sequence[int]) -> list[int]:
    """Replace taxes by those of a position; a tax that nothing replaces stays."""
    if not position_id:
        return list(tax_ids)
    position = env.cached(
        ("position", position_id), lambda: env.record("account.fiscal.position", position_id)
    )
    if not position["tax_ids"]:
        return []
    taxes = taxes_by_id(env)
    mapped: list[int] = []
    for tax_id in tax_ids:
        targets = [
            target_id
            for target_id, target in taxes.items()
            if target_id in position["tax_ids"] and tax_id in target["original_tax_ids"]
        ]
        mapped += targets or [tax_id]
    return list(dict.fromkeys(mapped))


def product_taxes(
    env: Env, product_id: int | None, company_id: int, position_id: int | None
) -> list[int]:
    """Return the taxes that a line of this product starts with; none without a product."""
    if not product_id:
        return []
    own = env.cached(
        ("product taxes", product_id),
        lambda: env.scalar(
            """select t.taxes_id from product_product p
               join product_template t on t.id = p.product_tmpl_id where p.id = %s""",
            (product_id,),
        ),
    )
    taxes = taxes_by_id(env)
    of_company = [tax_id for tax_id in own or [] if taxes[tax_id]["company_id"] == company_id]
    return map_taxes(env, position_id, of_company)


def applied_taxes(env: Env, tax_ids: Sequence[int]) -> tuple[Tax, ...]:
    """Flatten taxes for the arithmetic; raises UserError for a kind that is not imitated."""
    taxes = taxes_by_id(env)
    applied: list[Tax] = []
    for tax_id in tax_ids:
        tax = taxes[tax_id]
        if tax["amount_type"] == "group":
            applied += [_plain_tax(taxes[child], tax_id) for child in tax["children_tax_ids"]]
        else:
            applied.append(_plain_tax(tax, None))
    return tuple(applied)


def _plain_tax(tax: Row, group_id: int | None) -> Tax:
    if tax["amount_type"] != "percent":
        raise UserError(
            f"The stand-in computes percentage taxes only; {tax['name']} is {tax['amount_type']}"
        )
    return Tax(TaxKey(tax["id"], group_id), Decimal(tax["amount"]), bool(tax["is_included"]))
