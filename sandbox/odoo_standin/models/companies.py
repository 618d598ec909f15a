"""Companies, users, taxes, positions: the settings that documents lean on.

Flows in: what an administrator changes. Flows out: the same rows, with the inverse sides of
many2many kept in step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.odoo_standin import external_ids, orm
from sandbox.odoo_standin.behaviour import Behaviour, Method, register
from sandbox.odoo_standin.environment import Env, Values
from sandbox.odoo_standin.errors import RequiredFieldError
from sandbox.odoo_standin.passwords import password_hash


class Companies(Behaviour):
    """A company is a partner too."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "tax_calculation_rounding_method": "round_globally",
        "account_price_include": "tax_excluded",
        "sequence": 10,
    }

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        own = env.company
        for vals in vals_list:
            vals.setdefault("currency_id", own["currency_id"])
            if not vals.get("partner_id"):
                partner = {"name": vals["name"], "is_company": True}
                [vals["partner_id"]] = orm.create(env, env.model("res.partner"), [partner])
        return vals_list

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        # Who makes a company is in it from then on.
        env.execute(
            "update res_users set company_ids = company_ids || %s::bigint[] where id = %s",
            (ids, env.uid),
        )
        env.cache.pop(("user", env.uid), None)


class Taxes(Behaviour):
    """Taxes of the current company; positions are the other side of a link."""

    defaults: ClassVar[Mapping[str, Any]] = {
        "amount_type": "percent",
        "type_tax_use": "sale",
        "amount": 0,
        "sequence": 1,
        "is_base_affected": True,
        "include_base_amount": False,
        "is_domestic": True,
    }

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        for vals in vals_list:
            company = env.company_of(vals.get("company_id") or env.company["id"])
            vals["company_id"] = company["id"]
            _check_tax(env, vals)
            vals.setdefault("country_id", company["account_fiscal_country_id"] or _canada(env))
            vals.setdefault("tax_group_id", env.scalar("select min(id) from account_tax_group"))
            if "price_include" in vals and "price_include_override" not in vals:
                included = "tax_included" if vals["price_include"] else "tax_excluded"
                vals["price_include_override"] = included
        return vals_list

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        env.execute(
            """update account_tax set standin_account_id = (select min(a.standin_account_id)
                   from account_tax a) where id = any(%s)""",
            (ids,),
        )
        for tax_id, vals in zip(ids, vals_list, strict=True):
            self.written(env, [tax_id], vals)

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        for command in vals.get("fiscal_position_ids") or []:
            if command[0] == 6:
                _set_positions(env, ids, command[2])
            elif command[0] == 4:
                _add_position(env, ids, command[1])


def _check_tax(env: Env, vals: Values) -> None:
    described = env.model("account.tax")
    for name in env.registry.build.required_of_a_tax:
        if not vals.get(name):
            label = described.field(name).string
            raise RequiredFieldError(described.name, described.description, name, label)


def _canada(env: Env) -> Any:
    return env.scalar("select id from res_country where code = 'CA'")


def _set_positions(env: Env, tax_ids: Sequence[int], positions: Sequence[int]) -> None:
    """Link taxes to exactly these positions; only the tax is bumped, as measured."""
    for tax_id in tax_ids:
        env.execute(
            """update account_fiscal_position set tax_ids = array_remove(tax_ids, %s::bigint)
               where id <> all(%s)""",
            (tax_id, list(positions)),
        )
        for position_id in positions:
            _add_position(env, [tax_id], position_id)


def _add_position(env: Env, tax_ids: Sequence[int], position_id: int) -> None:
    for tax_id in tax_ids:
        env.execute(
            """update account_fiscal_position set tax_ids = tax_ids || %s::bigint
               where id = %s and not (%s = any(tax_ids))""",
            (tax_id, position_id, tax_id),
        )


class FiscalPositions(Behaviour):
    """Linking a tax here bumps the tax as well."""

    defaults: ClassVar[Mapping[str, Any]] = {"auto_apply": False, "sequence": 1}

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        return [{"company_id": env.company["id"]} | vals for vals in vals_list]

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        if "tax_ids" in vals:
            for position in env.records("account.fiscal.position", ids):
                orm.touch(env, "account.tax", position["tax_ids"])


class Users(Behaviour):
    """Users log in; their passwords are never told."""

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        for vals in vals_list:
            company = env.company["id"]
            vals.setdefault("company_id", company)
            vals.setdefault("company_ids", [(6, 0, [vals["company_id"]])])
            if not vals.get("partner_id"):
                partner = {"name": vals.get("name") or vals["login"], "email": vals.get("email")}
                [vals["partner_id"]] = orm.create(env, env.model("res.partner"), [partner])
        return vals_list

    @override
    def created(self, env: Env, ids: list[int], vals_list: list[Values]) -> None:
        for user_id, vals in zip(ids, vals_list, strict=True):
            self.written(env, [user_id], vals)

    @override
    def written(self, env: Env, ids: list[int], vals: Values) -> None:
        if vals.get("password"):
            for user in env.records("res.users", ids):
                hashed = password_hash(user["login"], vals["password"])
                env.execute(
                    "update res_users set password_hash = %s where id = %s", (hashed, user["id"])
                )

    methods: ClassVar[Mapping[str, Method]] = {}


def context_get(env: Env) -> Values:
    """Return the user's own context, which odoorpc takes over at login."""
    return {"lang": env.user.lang, "tz": env.user.tz or False, "uid": env.uid}


def has_group(env: Env, _ids: int | Sequence[int], group: str) -> bool:
    """Say whether the caller is in a group, by its external id."""
    return env.has_group(group)


Users.methods = {"context_get": context_get, "has_group": has_group}


class JournalsOrTerms(Behaviour):
    """Rows of the current company."""

    @override
    def complete(self, env: Env, vals_list: list[Values]) -> list[Values]:
        return [{"company_id": env.company["id"], "sequence": 10} | vals for vals in vals_list]


class TermLines(Behaviour):
    defaults: ClassVar[Mapping[str, Any]] = {
        "value": "percent", "value_amount": 100, "delay_type": "days_after", "nb_days": 0,
    }  # fmt: skip


register("res.company", Companies())
register("res.users", Users())
register("account.tax", Taxes())
register("account.fiscal.position", FiscalPositions())
register("account.journal", JournalsOrTerms())
register("account.payment.term", JournalsOrTerms())
register("account.payment.term.line", TermLines())


class ModelData(Behaviour):
    methods: ClassVar[Mapping[str, Method]] = {
        "check_object_reference": external_ids.check_object_reference
    }


register("ir.model.data", ModelData())
