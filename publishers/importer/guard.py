"""The importer's only way to Odoo: a port that cannot bill.

In: calls. Out: their answers, tried again where a second try is safe; ShadowBroken for a call that
is not on the list. No order is confirmed, no plan_id, state or payment token is ever sent, nothing
is deleted: not because the importer means well, but because this refuses it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connections.odoo import Domain, OdooPort, Record
from publishers.importer.kinds import KINDS, LINE, PRODUCT_TAX, Kind
from publishers.retrying import repeated
from publishers.sending import LOST_RACE

# Create-only: a repeat gives the same id and changes nothing, whatever a person did meanwhile.
LOAD_CONTEXT = {"mode": "update", "noupdate": True, "tracking_disable": True}
ALSO_ARCHIVED = {"active_test": False}
READS = frozenset(
    {"fields_get", "get_external_id", "has_access", "read", "search", "search_count", "search_read"}
)
# What takes an order out of use, and back into draft.
ORDER_METHODS = frozenset({"action_cancel", "action_draft"})
ORDER_LINE = "sale.order.line"


class ShadowBroken(RuntimeError):
    """The importer was about to make a call that could bill somebody; nothing was sent."""


def _columns(kind: Kind) -> set[str]:
    """What load() may be given for a model: references by Odoo's id only."""
    columns = {spec.column for spec in kind.fields} | set(kind.constants) | {"id"}
    # An order is never created or written as active or not: it has no such field.
    columns -= {"active"} if kind.archived_by == "cancel" else set()
    return columns | ({PRODUCT_TAX} if kind.name == "product" else set())


def _fields(kind: Kind) -> set[str]:
    own = {spec.name for spec in kind.fields if not spec.is_of_line}
    return own - ({"active"} if kind.archived_by == "cancel" else set())


LOADED: Mapping[str, frozenset[str]] = {kind.model: frozenset(_columns(kind)) for kind in KINDS}
WRITTEN: Mapping[str, frozenset[str]] = {
    **{kind.model: frozenset(_fields(kind)) for kind in KINDS},
    ORDER_LINE: frozenset(
        spec.name.removeprefix(LINE) for kind in KINDS for spec in kind.fields if spec.is_of_line
    ),
}


class ShadowPort:
    """An OdooPort for the importer. Every call may be made twice: each is idempotent."""

    def __init__(self, port: OdooPort) -> None:
        self._port = port

    @property
    def company_id(self) -> int:
        return self._port.company_id

    @property
    def version(self) -> str:
        return self._port.version

    def fields_get(self, model: str, fields: Iterable[str]) -> dict[str, Record]:
        """The named fields that this Odoo has and shows to this user, with their digits."""
        attributes = ["type", "digits"]
        return repeated(lambda: self._port.fields_get(model, sorted(fields), attributes))

    def may(self, model: str, right: str) -> bool:
        return bool(repeated(lambda: self._port.execute(model, "has_access", [], right)))

    def search(self, model: str, domain: Domain) -> list[int]:
        """Ids, archived records included."""
        return repeated(lambda: self._port.search(model, domain, order="id", context=ALSO_ARCHIVED))

    def search_read(self, model: str, domain: Domain, fields: Sequence[str]) -> list[Record]:
        """Records in the order of their ids, archived ones included."""
        return repeated(
            lambda: self._port.search_read(model, domain, fields, order="id", context=ALSO_ARCHIVED)
        )

    def external_ids(self, model: str, ids: Sequence[int]) -> dict[int, str]:
        """The external id of each record that has one; every user may ask for it."""
        found = repeated(lambda: self._port.execute(model, "get_external_id", list(ids)))
        return {int(odoo_id): name for odoo_id, name in found.items() if name}

    def load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[str]]) -> Record:
        """Create what is not there; Odoo's answer, after races were lost and run again."""
        _permit(model, "load", set(fields), LOADED)
        return repeated(
            lambda: self._port.load(model, fields, rows, LOAD_CONTEXT), is_lost=_lost_a_race
        )

    def write(self, model: str, odoo_id: int, values: Mapping[str, Any]) -> None:
        _permit(model, "write", set(values), WRITTEN)
        repeated(lambda: self._port.execute(model, "write", [odoo_id], dict(values)))

    def act(self, model: str, method: str, odoo_id: int) -> None:
        """Cancel an order, or set a cancelled one back to draft."""
        if model != "sale.order" or method not in ORDER_METHODS:
            raise ShadowBroken(f"{model}.{method} is no call of the importer")
        repeated(lambda: self._port.execute(model, method, [odoo_id]))


def _permit(
    model: str, method: str, names: set[str], allowed: Mapping[str, frozenset[str]]
) -> None:
    strangers = names - allowed.get(model, frozenset())
    if strangers:
        raise ShadowBroken(f"{model}.{method} with {', '.join(sorted(strangers))}: never")


def _lost_a_race(answer: Any) -> bool:
    messages = [str(each.get("message")) for each in answer.get("messages") or []]
    return not answer.get("ids") and any(
        text in message for text in LOST_RACE for message in messages
    )
