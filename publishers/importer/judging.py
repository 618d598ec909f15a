"""What is to be done with one record: create, update, unchanged, skip or conflict.

In: what is wanted, what Odoo holds, and what we wrote there last. Out: a Proposal. Field by field:
what nobody but us has touched is updated; what a person changed stays; what both changed is a
conflict for a person. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from publishers.importer.facts import Facts, WrongValue
from publishers.importer.holdings import Holding, Holdings
from publishers.importer.kinds import LINE
from publishers.importer.pricelists import wrong_currency
from publishers.importer.records import Record

Action = Literal["create", "update", "unchanged", "skip", "conflict"]
# In `declined`: a person decided that the record stays out of Odoo, whatever it says.
WHOLE = "*"


@dataclass(frozen=True)
class KnownRecord:
    """What the importer's ledger says of a record."""

    odoo_id: int | None = None
    origin: str | None = None
    state: str = "proposed"
    written: Mapping[str, str | None] | None = None
    unconfirmed: Mapping[str, str | None] = field(default_factory=dict)
    declined: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def was_there(self) -> bool:
        return self.state == "done"


@dataclass(frozen=True)
class Proposal:
    """`changes`: field -> old and new. `kept`: field -> ours and theirs, where Odoo's stays.

    `values` are what Odoo should hold; a reference to what is not there yet is an import key.
    `disputed`: the fields of `kept` that a person must decide about.
    """

    record: Record
    action: Action
    reason: str | None = None
    changes: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    kept: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    holding: Holding | None = None
    values: Mapping[str, str | None] = field(default_factory=dict)
    disputed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For machines and for the ledger."""
        return {
            "key": self.record.import_key,
            "kind": self.record.kind.name,
            "title": self.record.title,
            "action": self.action,
            "odoo_id": self.holding.odoo_id if self.holding else None,
            "changes": dict(self.changes),
            "kept": dict(self.kept),
            "reason": self.reason,
        }


class Judge:
    """Judges the records of one run; `everything` takes in what is out of scope as well."""

    def __init__(
        self,
        facts: Facts,
        holdings: Holdings,
        ledger: Mapping[str, KnownRecord],
        *,
        everything: bool = False,
    ) -> None:
        self._facts, self._holdings, self._ledger = facts, holdings, ledger
        self._everything = everything
        self.blocked: dict[str, str] = {}

    def judge_all(self, records: Iterable[Record]) -> list[Proposal]:
        """Records in the order of their kinds: what waits for another waits for its verdict."""
        return [self.judge(record) for record in records]

    def judge(self, record: Record) -> Proposal:
        """One record; what it refers to was judged before."""
        proposal = self._judge(record)
        if proposal.holding is None and proposal.action != "create":
            self.blocked[record.import_key] = proposal.action
        return proposal

    def _judge(self, record: Record) -> Proposal:
        holding = self._holdings.found.get(record.import_key)
        if reason := self._facts.left_out.get(record.kind.name):
            return Proposal(record, "skip", reason)
        if record.skip_reason and not self._everything:
            return Proposal(record, "skip", record.skip_reason, holding=holding)
        if doubt := record.problem or self._holdings.doubts.get(record.import_key):
            return Proposal(record, "conflict", doubt, holding=holding)
        if waits := self._waits_for(record):
            return Proposal(record, "skip", waits, holding=holding)
        try:
            values = self._values(record)
        except WrongValue as error:
            return Proposal(record, "conflict", str(error), holding=holding)
        if problem := wrong_currency(record, self._facts, self._holdings):
            return Proposal(record, "conflict", problem, holding=holding)
        if holding is None:
            return self._absent(record, values)
        return _compared(
            record, values, holding, self._ledger.get(record.import_key, KnownRecord())
        )

    def _waits_for(self, record: Record) -> str | None:
        waiting = sorted(record.references() & self.blocked.keys())
        return f"waits for {waiting[0]} ({self.blocked[waiting[0]]})" if waiting else None

    def _values(self, record: Record) -> dict[str, str | None]:
        values: dict[str, str | None] = {}
        for spec in record.kind.fields:
            if not self._facts.has(record.kind, spec):
                continue
            value = self._facts.value(record, spec)
            if spec.type == "reference" and value:
                value = self._holdings.reference(value, spec.name) or value
            values[spec.name] = value
        return values

    def _absent(self, record: Record, values: Mapping[str, str | None]) -> Proposal:
        known = self._ledger.get(record.import_key, KnownRecord())
        if WHOLE in known.declined:
            return Proposal(record, "skip", "deleted in Odoo, and a person decided to keep it so")
        if known.was_there:
            gone = f"{record.kind.model} {known.odoo_id} was deleted in Odoo since"
            return Proposal(record, "conflict", f"{gone}: `billing import --take` decides")
        if record.known_odoo_id:
            return Proposal(record, "conflict", _unseen(record))
        if problem := self._facts.place_problem(record):
            return Proposal(record, "conflict", problem)
        changes = {n: {"old": None, "new": v} for n, v in values.items() if v is not None}
        return Proposal(record, "create", changes=changes, values=values)


def _unseen(record: Record) -> str:
    return (
        f"{record.kind.model} {record.known_odoo_id} of the last load was deleted, or this user may"
        " not see it: run `billing run`, or let the user see all of them (`billing import --test`)"
    )


def _compared(
    record: Record, values: Mapping[str, str | None], holding: Holding, known: KnownRecord
) -> Proposal:
    base, verdict = known.written, _Verdict()
    for name, ours in values.items():
        theirs = holding.values.get(name)
        if ours == theirs:
            continue
        if base is None or name not in base:
            verdict.never_written(record, name, ours, theirs)
        elif name in known.declined and known.declined[name] == ours:
            verdict.kept[name] = {"ours": ours, "theirs": theirs}
        else:
            # What a run that died had sent is ours, wherever it died.
            is_sent = name in known.unconfirmed and known.unconfirmed[name] == theirs
            verdict.merged(record, name, theirs if is_sent else base[name], ours, theirs)
    return verdict.proposal(record, holding, values, is_written=base is not None)


@dataclass
class _Verdict:
    """What the fields of one record amount to."""

    changes: dict[str, dict[str, str | None]] = field(default_factory=dict)
    kept: dict[str, dict[str, str | None]] = field(default_factory=dict)
    disputed: list[str] = field(default_factory=list)

    def never_written(
        self, record: Record, name: str, ours: str | None, theirs: str | None
    ) -> None:
        """A field of a record that somebody else made, or that is new here: theirs stays."""
        self.kept[name] = {"ours": ours, "theirs": theirs}
        if name == "active" or record.kind.spec(name).is_strict:
            self.disputed.append(name)

    def merged(
        self, record: Record, name: str, base: str | None, ours: str | None, theirs: str | None
    ) -> None:
        if theirs == base:
            self.changes[name] = {"old": theirs, "new": ours}
            return
        self.kept[name] = {"ours": ours, "theirs": theirs}
        if ours != base or record.kind.spec(name).is_strict:
            self.disputed.append(name)

    def proposal(
        self,
        record: Record,
        holding: Holding,
        values: Mapping[str, str | None],
        *,
        is_written: bool,
    ) -> Proposal:
        dispute = self._dispute(holding, is_written=is_written)
        action: Action = "conflict" if dispute else "update" if self.changes else "unchanged"
        changes = {} if dispute else self.changes
        reason = dispute or (None if is_written else f"matched to {record.kind.model} as it is")
        if not dispute and is_written and self.kept:
            reason = f"changed in Odoo, and stays so: {', '.join(self.kept)}"
        disputed = tuple(self.disputed)
        return Proposal(record, action, reason, changes, self.kept, holding, values, disputed)

    def _dispute(self, holding: Holding, *, is_written: bool) -> str | None:
        is_live = holding.filled and (is_written or holding.state is None)
        if is_live:
            return f"{', '.join(holding.filled)} is set in Odoo: it bills by itself now"
        if self.disputed:
            said = (
                f"{name} is {self.kept[name]['theirs']} in Odoo, ours is {self.kept[name]['ours']}"
                for name in self.disputed
            )
            return "; ".join(said)
        if self.changes and holding.state == "sale":
            return f"confirmed in Odoo, so not changed: {', '.join(self.changes)}"
        if any(name.startswith(LINE) for name in self.changes) and holding.line_id is None:
            return "the order's line was deleted in Odoo"
        return None
