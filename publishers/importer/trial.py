"""Tries the connection, the rights and the fields, and imports nothing.

In: settings. Out: a Trial: per model what is there, what this user may, and what is missing, each
with what to do about it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from connections import odoo_users
from connections.settings import Settings
from publishers.importer.facts import Facts, look_at_kinds
from publishers.importer.guard import ORDER_LINE, ShadowPort
from publishers.importer.kinds import KINDS, Kind
from publishers.ports import Ports

RIGHTS = ("read", "write", "create")
# Who sees only orders of his own would make second ones.
ALL_ORDERS = "Sales / User: All Documents (sales_team.group_sale_salesman_all_leads)"
# What Odoo 19 calls the right; others are the fusion.billing module's own.
GROUPS = {
    "res.partner": "Contact / Creation (base.group_partner_manager)",
    "product.template": "Products / Create (product.group_product_manager)",
    "sale.order": ALL_ORDERS,
    ORDER_LINE: ALL_ORDERS,
}


@dataclass
class Trial:
    """What was found; `is_ok` where everything that this Odoo can hold may be written."""

    url: str
    version: str = ""
    user: str = ""
    models: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        return not any(model["missing_rights"] for model in self.models)

    def as_json(self) -> dict[str, Any]:
        """The answer of `billing import --test --json`."""
        return {
            "url": self.url,
            "version": self.version,
            "user": self.user,
            "is_ok": self.is_ok,
            "models": self.models,
            "left_out": self.left_out,
            "notes": self.notes,
        }


def try_connection(settings: Settings) -> Trial:
    """Log in and ask. Raises the errors of connections.errors where Odoo does not let it in."""
    own = settings.as_importer()
    trial = Trial(own.odoo_url, user=odoo_users.name(own, publish=True))
    with Ports(own).one() as odoo:
        port = ShadowPort(odoo)
        trial.version = port.version
        facts = look_at_kinds(port)
        trial.left_out, trial.notes = facts.left_out, facts.notes
        trial.models = [_model(port, kind, model) for kind, model in _models(facts)]
    return trial


def _models(facts: Facts) -> Iterator[tuple[Kind, str]]:
    for kind in KINDS:
        if kind.name not in facts.left_out:
            yield kind, kind.model
            if kind.name == "order":
                yield kind, ORDER_LINE


def _model(port: ShadowPort, kind: Kind, model: str) -> dict[str, Any]:
    missing = [right for right in RIGHTS if not port.may(model, right)]
    group = GROUPS.get(model, f"the right to {', '.join(RIGHTS)} {model}")
    return {
        "kind": kind.name,
        "model": model,
        "missing_rights": missing,
        "fix": f"give the user {group}" if missing else None,
    }
