"""One step back, and those that undo a run.

In: events of a run, and what Odoo holds now. Out: steps: archive what was created, write back what
was updated, restore what was archived; or a skip with the reason. Last done is first undone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from publishers.importer.facts import look_at_kinds
from publishers.importer.guard import ORDER_LINE, ShadowPort
from publishers.importer.holdings import Holding, Holdings, Reader
from publishers.importer.kinds import BY_NAME, KINDS, Kind
from publishers.importer.ledger import Event

Action = Literal["archive", "restore", "update", "unchanged", "skip"]
OUT_OF_USE = {"active": {"old": "1", "new": "0"}}
INTO_USE = {"active": {"old": "0", "new": "1"}}
_REVERSED = {"created": "archive", "restored": "archive", "archived": "restore"}


@dataclass(frozen=True)
class Step:
    """What happens to one record of Odoo. `needs`: rows that must be taken back with it."""

    import_key: str
    kind: Kind
    title: str
    odoo_id: int
    action: Action
    reason: str | None = None
    changes: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    line_id: int | None = None
    needs: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """A row of the report, of the same form as a proposal's."""
        return {
            "key": self.import_key,
            "kind": self.kind.name,
            "title": self.title,
            "action": self.action,
            "odoo_id": self.odoo_id,
            "changes": dict(self.changes),
            "kept": {},
            "reason": self.reason,
        }


def archive(key: str, kind: Kind, title: str, odoo_id: int, reason: str | None) -> Step:
    """Out of use: archived, or cancelled where it is an order."""
    return Step(key, kind, title, odoo_id, "archive", reason, OUT_OF_USE)


def steps_back(port: ShadowPort, events: Sequence[Event]) -> list[Step]:
    """A step for each record that the run touched."""
    touched: dict[tuple[str, int], Event] = {}
    for event in events:
        if event.odoo_id and event.event in (*_REVERSED, "updated"):
            # Of several events about one record the first tells how it was before.
            touched.setdefault((event.kind, event.odoo_id), event)
    held = _held(port, touched.values())
    steps = [_step_back(event, held.get(where)) for where, event in reversed(list(touched.items()))]
    order = [kind.name for kind in reversed(KINDS)]
    steps.sort(key=lambda step: order.index(step.kind.name))
    return _keeping_what_is_used(port, steps)


def _held(port: ShadowPort, events: Any) -> dict[tuple[str, int], Holding]:
    facts = look_at_kinds(port)
    reader = Reader(port, facts.fields, Holdings())
    ids: dict[str, set[int]] = {}
    for event in events:
        ids.setdefault(event.kind, set()).add(event.odoo_id)
    return {
        (name, odoo_id): holding
        for name, wanted in ids.items()
        if name not in facts.left_out
        for odoo_id, holding in reader.by_id(BY_NAME[name], wanted).items()
    }


def _step_back(event: Event, holding: Holding | None) -> Step:
    kind, odoo_id = BY_NAME[event.kind], event.odoo_id or 0

    def step(action: Action, reason: str | None = None, **more: Any) -> Step:
        return Step(event.import_key, kind, event.title, odoo_id, action, reason, **more)

    if holding is None:
        return step("skip", "it is not in Odoo any more")
    if holding.state == "sale":
        return step("skip", "the order was confirmed by a person")
    if event.event == "updated":
        return _written_back(event, holding, step)
    if kind.archived_by is None:
        return step("skip", f"{kind.title} cannot be archived in Odoo: a person may delete it")
    is_archived = holding.values["active"] == "0"
    if _REVERSED[event.event] == "restore":
        if not is_archived:
            return step("unchanged", "it is in use again")
        return step("restore", changes=INTO_USE)
    if is_archived:
        return step("unchanged", "it is out of use already")
    return step("archive", "the run created it", changes=OUT_OF_USE)


def _written_back(event: Event, holding: Holding, step: Any) -> Step:
    """Only what still is what the run wrote."""
    ours = {n: c for n, c in event.changes.items() if holding.values.get(n) == c["new"]}
    if not ours:
        made: Step = step("unchanged", "changed again since, or not written at all")
        return made
    changes = {name: {"old": c["new"], "new": c["old"]} for name, c in ours.items()}
    made = step("update", changes=changes, line_id=holding.line_id)
    return made


def _keeping_what_is_used(port: ShadowPort, steps: Sequence[Step]) -> list[Step]:
    """A product or a partner stays while an order that stays has it."""
    going = [step for step in steps if step.action == "archive"]
    orders = {step.odoo_id: step.import_key for step in going if step.kind.name == "order"}
    used = {
        step.import_key: uses(port, step.kind, step.odoo_id)
        for step in going
        if step.kind.name in ("product", "partner")
    }
    return [
        needing(step, used[step.import_key], orders) if step.import_key in used else step
        for step in steps
    ]


def uses(port: ShadowPort, kind: Kind, odoo_id: int) -> list[tuple[int, str]]:
    """Orders that are not cancelled and have this product or partner: id and name.

    An invoice keeps its partner as well; its id is none of an order's.
    """
    if kind.name == "partner":
        domain: list[Any] = [("partner_id", "=", odoo_id), ("state", "!=", "cancel")]
        rows = port.search_read("sale.order", domain, ["name"])
        invoices = port.search("account.move", domain)
        return [
            *((row["id"], row["name"]) for row in rows),
            *((-move_id, f"invoice {move_id}") for move_id in invoices),
        ]
    domain = [("product_id.product_tmpl_id", "=", odoo_id), ("state", "!=", "cancel")]
    rows = port.search_read(ORDER_LINE, domain, ["order_id"])
    return sorted({(row["order_id"][0], row["order_id"][1]) for row in rows})


def needing(step: Step, used: Sequence[tuple[int, str]], going: Mapping[int, str]) -> Step:
    """The step where every order that uses the record goes too; else a skip that names one."""
    staying = [name for order_id, name in used if order_id not in going]
    plain = {name: getattr(step, name) for name in ("import_key", "kind", "title", "odoo_id")}
    if staying:
        return Step(**plain, action="skip", reason=f"in use: {', '.join(staying[:3])}")
    needs = frozenset(going[order_id] for order_id, _ in used)
    return Step(**plain, action=step.action, reason=step.reason, changes=step.changes, needs=needs)
