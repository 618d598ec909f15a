"""A disposable Odoo 19 under the tests: users of the least rights, and tidying up after a session.

Flows in: an administrator's login. Flows out: logins whose passwords live for one session; at its
end what these users and the administrator created since its begin is deleted, else archived.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connections.odoo import OdooPort

# The rights that docs/publishing.md, docs/loaders.md and docs/import.md name; the last group is
# there only with the module of tests/publishers/odoo_addons.
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "billing": ("account.group_account_invoice",),
    "readonly": ("account.group_account_readonly",),
    "importer": (
        "base.group_partner_manager",
        "product.group_product_manager",
        "sales_team.group_sale_salesman_all_leads",
        "fusion_contract.group_manager",
    ),
}
# In this order: whoever is named by another goes after it.
_MADE = (
    *("fusion.billing.charge", "fusion.billing.account.link", "fusion.billing.metric"),
    *("fusion.billing.service", "account.payment", "account.move", "sale.order"),
    *("product.pricelist", "product.product", "product.template", "account.fiscal.position"),
    *("account.tax", "account.payment.term", "account.journal", "res.company", "res.partner"),
)
_MANY = 100
_ALL = {"active_test": False}


@dataclass(frozen=True)
class RealOdoo:
    """An Odoo under test. `people`: name -> the settings of his login; `user` may publish."""

    url: str
    db: str
    people: Mapping[str, Mapping[str, str]]
    has_contract: bool
    is_real: bool = True

    @property
    def admin(self) -> Mapping[str, str]:
        return self.people["admin"]

    @property
    def login(self) -> Mapping[str, str]:
        return self.people["billing"]


def opened(url: str, db: str, user: str, password: str, keys: str = "") -> Iterator[RealOdoo]:
    """Make the users, lend the Odoo, and tidy up. `keys`: name=API key, by commas, for JSON-2."""
    from connections.odoo import OdooPort
    from connections.settings import load_settings

    by_name = dict(pair.split("=", 1) for pair in keys.split(",") if pair)
    admin = {"odoo_user": user, "odoo_password": password}
    names = {"odoo_url": url, "odoo_db": db, "odoo_api": "jsonrpc", **admin}
    # Some of what is tidied up takes longer than a user would wait.
    port = OdooPort.connect(load_settings(**names, odoo_timeout_seconds=600))
    models = [model for model in _MADE if _has(port, model)]
    before = {model: _newest(port, model) for model in models}
    people = {name: _person(port, name, groups) for name, groups in PEOPLE.items()}
    people["admin"] = admin
    for name, key in by_name.items():
        people[name]["odoo_api_key"] = key
    yield RealOdoo(url, db, people, "fusion.billing.charge" in models)
    logins = [person["odoo_user"] for person in people.values()]
    authors = [port.uid, *port.search("res.users", [("login", "in", logins)])]
    _tidy(port, before, authors)


def _has(port: OdooPort, model: str) -> bool:
    from connections.errors import OdooError

    try:
        port.fields_get(model, ["id"], ["type"])
    except OdooError:
        return False
    return True


def _newest(port: OdooPort, model: str) -> int:
    return max(port.search(model, [], order="id desc", limit=1, context=_ALL), default=0)


def _person(port: OdooPort, name: str, groups: Sequence[str]) -> dict[str, str]:
    """A user with these groups and no others; a new password each session."""
    login, password = f"fusion_test_{name}", secrets.token_urlsafe()
    ids = [found for group in ("base.group_user", *groups) for found in _xid(port, group)]
    values = {"name": f"Fusion test {name}", "password": password, "group_ids": [(6, 0, ids)]}
    known = port.search("res.users", [("login", "=", login)], context=_ALL)
    if known:
        port.execute("res.users", "write", known, values)
    else:
        quiet = {"no_reset_password": True}
        port.execute("res.users", "create", [{**values, "login": login}], context=quiet)
    return {"odoo_user": login, "odoo_password": password}


def _xid(port: OdooPort, name: str) -> list[int]:
    module, _, key = name.partition(".")
    domain = [("module", "=", module), ("name", "=", key)]
    return [row["res_id"] for row in port.search_read("ir.model.data", domain, ["res_id"])]


# ------------------------------------------------------------------------------------- tidying up


def _tidy(port: OdooPort, before: Mapping[str, int], authors: Sequence[int]) -> None:
    companies = _made(port, "res.company", before, authors)
    seen = {"allowed_company_ids": [port.company_id, *companies]}
    for model in before:
        if model == "res.company":
            seen = {"allowed_company_ids": [port.company_id]}
            _leave(port, companies)
        made = _made(port, model, before, authors, seen)
        for start in range(0, len(made), _MANY):
            _remove(port, model, made[start : start + _MANY], {**seen, "force_delete": True})


def _leave(port: OdooPort, companies: Sequence[int]) -> None:
    """Whoever creates a company is put into it, and would see its records beside his own."""
    users = port.search("res.users", [("company_ids", "in", list(companies))], context=_ALL)
    gone = [(3, company) for company in companies]
    port.execute("res.users", "write", users, {"company_ids": gone})


def _made(
    port: OdooPort,
    model: str,
    before: Mapping[str, int],
    authors: Sequence[int],
    seen: Mapping[str, Any] | None = None,
) -> list[int]:
    domain = [("id", ">", before[model]), ("create_uid", "in", list(authors))]
    return port.search(model, domain, order="id desc", context={**_ALL, **(seen or {})})


def _remove(port: OdooPort, model: str, ids: list[int], context: Mapping[str, Any]) -> None:
    """Delete; where that is refused one by one, and archive what has to stay."""
    from connections.errors import OdooError

    reset = {
        "account.payment": "action_draft",
        "account.move": "button_draft",
        "sale.order": "action_cancel",
    }
    try:
        if model in reset:
            open_ones = [("id", "in", ids), ("state", "!=", "draft")]
            if held := port.search(model, open_ones):
                port.execute(model, reset[model], held)
        port.execute(model, "unlink", ids, context=dict(context))
    except OdooError:
        if len(ids) > 1:
            for one in ids:
                _remove(port, model, [one], context)
        elif "active" in port.fields_get(model, ["active"], ["type"]):
            _archive(port, model, ids, context)


def _archive(port: OdooPort, model: str, ids: list[int], context: Mapping[str, Any]) -> None:
    from connections.errors import OdooError

    try:
        port.execute(model, "write", ids, {"active": False}, context=dict(context))
    except OdooError:
        return  # its user is logged in, or a posted invoice holds it: it disturbs nobody
