"""res.partner: names, hierarchy, and who cannot be deleted.

Flows in: contacts. Flows out: their display names and commercial entities, kept as Odoo keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin.behaviour import Behaviour, register
from sandbox.odoo_standin.environment import Env, Values
from sandbox.odoo_standin.errors import UserError, ValidationError

_ADDRESS = ("street", "street2", "city", "zip", "state_id", "country_id")


class Partners(Behaviour):
    """Defaults and the stored names."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "type": "contact",
        "lang": "en_US",
        "is_company": False,
        "customer_rank": 0,
        "supplier_rank": 0,
    }

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        for vals in vals_list:
            if "company_type" in vals:
                vals["is_company"] = vals["company_type"] == "company"
            if env.registry.build.inherits_address:
                vals |= _inherited_address(env, vals)
            if vals["type"] == "contact" and not vals.get("name"):
                raise ValidationError("Contacts require a name")
        return vals_list

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        refresh_names(env, ids)

    @override
    def writing(self, env: Env, ids: list[int], vals: Values) -> Values:
        if "name" in vals and not vals["name"]:
            raise ValidationError("Contacts require a name")
        if "company_type" in vals:
            vals = vals | {"is_company": vals["company_type"] == "company"}
        return vals

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        if {"name", "parent_id", "is_company", "company_type"} & vals.keys():
            refresh_names(env, ids)

    @override
    def unlinking(self, env: Env, ids: list[int]) -> None:
        used = env.scalar(
            """select 1 from account_move where partner_id = any(%s)
               or commercial_partner_id = any(%s) limit 1""",
            (ids, ids),
        )
        if used:
            raise UserError("The partner cannot be deleted because it is used in Accounting")


def _inherited_address(env: Env, vals: Values) -> Values:
    """A contact without an address of its own has its company's."""
    is_contact = vals["type"] == "contact" and vals.get("parent_id")
    if not is_contact or any(vals.get(name) for name in _ADDRESS):
        return {}
    parent = env.record("res.partner", vals["parent_id"])
    return {name: parent[name] for name in _ADDRESS}


def refresh_names(env: Env, ids: Sequence[int]) -> None:
    """Store the full name and the commercial entity, of the partners and of their contacts."""
    env.execute(
        """with recursive chain (id, top, depth) as (
               select id, id, 0 from res_partner where id = any(%s) or parent_id = any(%s)
               union all
               select c.id, p.parent_id, c.depth + 1
               from chain c join res_partner p on p.id = c.top
               where p.parent_id is not null and not coalesce(p.is_company, false)
                   and c.depth < 20),
           tops as (select distinct on (id) id, top from chain order by id, depth desc)
           update res_partner x set commercial_partner_id = tops.top,
               complete_name = case when x.parent_id is null or x.is_company
                   then coalesce(x.name, '')
                   else (select coalesce(p.name, '') from res_partner p where p.id = x.parent_id)
                        || ', ' || coalesce(x.name, initcap(x.type)) end,
               commercial_company_name = (select p.name from res_partner p
                   where p.id = tops.top and p.is_company)
           from tops where tops.id = x.id""",
        (list(ids), list(ids)),
    )


register("res.partner", Partners())
