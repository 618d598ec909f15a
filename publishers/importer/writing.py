"""Writes proposals to Odoo: creates in batches, updates record by record; one failure stops none.

In: proposals of one kind, whose references are in Odoo by now. Out: outcomes. A record is created
by load() in its create-only mode under its external id, so that kills, timeouts and a second
importer make no second one.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from psycopg2.extensions import connection as Connection

from connections.errors import OdooAccessError, OdooError, OdooPermanentError
from publishers.importer import ledger
from publishers.importer.facts import Facts
from publishers.importer.guard import ORDER_LINE, ShadowPort
from publishers.importer.judging import Proposal
from publishers.importer.kinds import LINE, Kind
from publishers.importer.ledger import Event, ImportRun
from publishers.sending import NO_RIGHT

BATCH_SIZE = 100


@dataclass
class Written:
    """What became of the proposals: Odoo ids of what is there now, and reasons of what failed."""

    ids: dict[str, int] = field(default_factory=dict)
    sent: dict[str, Mapping[str, str | None]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Underway:
    """A batch that is at Odoo, or next in turn, with what was put on record for it."""

    batch: list[Proposal]
    values: Mapping[str, Mapping[str, str | None]]
    answer: Future[Any]


@dataclass
class Writer:
    """The hands of one run."""

    conn: Connection
    port: ShadowPort
    facts: Facts
    run: ImportRun
    written: Written = field(default_factory=Written)
    progress: Callable[[str], None] = lambda _sentence: None

    # ------------------------------------------------------------------ creating

    def create(self, kind: Kind, proposals: Sequence[Proposal]) -> None:
        """Create in batches; a batch that Odoo refuses is halved until the bad row is alone.

        While Odoo works on one batch, the one before is put on record and the next one made ready.
        """
        batches = deque(
            list(proposals[start : start + BATCH_SIZE])
            for start in range(0, len(proposals), BATCH_SIZE)
        )
        underway = deque[_Underway]()
        with ThreadPoolExecutor(1, "odoo-load") as sender:
            while batches or underway:
                if batches:
                    underway.append(self._send(kind, batches.popleft(), sender))
                if len(underway) > 1 or not batches:
                    self._settle(kind, underway.popleft(), batches)

    def _send(self, kind: Kind, batch: list[Proposal], sender: Executor) -> _Underway:
        wanted = {p.record.import_key: p.values for p in batch}
        values = ledger.start(self.conn, wanted, self.run)
        self.run.at("before_load")
        columns, rows = self._payload(kind, batch, values)
        return _Underway(batch, values, sender.submit(self.port.load, kind.model, columns, rows))

    def _settle(self, kind: Kind, sent: _Underway, batches: deque[list[Proposal]]) -> None:
        batch, refusal = sent.batch, self._refusal(sent)
        if refusal is None:
            self.progress(f"{len(self.written.ids)} {kind.title} are there")
        elif len(batch) > 1:
            middle = len(batch) // 2
            batches.extendleft([batch[middle:], batch[:middle]])
        else:
            ledger.given_up(self.conn, batch[0].record.import_key)
            self.fail(batch[0], refusal)

    def _refusal(self, sent: _Underway) -> str | None:
        """Why Odoo refuses the batch; None where it is there, or nobody knows."""
        batch = sent.batch
        try:
            answer = sent.answer.result()
        except OdooAccessError as error:
            self._denied(batch, error.message)
            return None
        except OdooPermanentError as error:
            return error.message
        except OdooError as error:
            for proposal in batch:
                self.fail(proposal, f"outcome unknown, the next run sends it again: {error}")
            return None
        self.run.at("after_load")
        ids = answer.get("ids") or []
        if len(ids) != len(batch):
            refusal = _messages(answer)
            if not any(text in refusal.lower() for text in NO_RIGHT):
                return refusal
            self._denied(batch, refusal)
            return None
        self._there(batch, [int(odoo_id) for odoo_id in ids], sent.values)
        return None

    def _denied(self, batch: Sequence[Proposal], refusal: str) -> None:
        """A missing right concerns the user: no record is to blame, and halving would not help."""
        for proposal in batch:
            ledger.given_up(self.conn, proposal.record.import_key)
            self.fail(proposal, f"grant the importing user the right: {refusal}")

    def _payload(
        self,
        kind: Kind,
        batch: Sequence[Proposal],
        values: Mapping[str, Mapping[str, str | None]],
    ) -> tuple[list[str], list[list[str]]]:
        specs = [s for s in kind.fields if self.facts.has(kind, s)]
        specs = [s for s in specs if not (s.name == "active" and kind.archived_by == "cancel")]
        constants = self.facts.constants(kind)
        columns = ["id", *(spec.column for spec in specs), *constants]
        rows = [
            [
                proposal.record.external_id,
                *(values[proposal.record.import_key].get(spec.name) or "" for spec in specs),
                *constants.values(),
            ]
            for proposal in batch
        ]
        return columns, rows

    def _there(
        self,
        batch: Sequence[Proposal],
        ids: Sequence[int],
        values: Mapping[str, Mapping[str, str | None]],
    ) -> None:
        by_key = {p.record.import_key: i for p, i in zip(batch, ids, strict=True)}
        ours = ledger.created(self.conn, by_key, [p.record for p in batch], self.run)
        self.run.at("after_confirm")
        self.written.ids |= by_key
        self.written.elsewhere |= by_key.keys() - ours
        self.written.sent |= {key: values[key] for key in by_key}

    def confirm(self, proposals: Sequence[Proposal]) -> None:
        """What a run created and did not live to write down: it is there, under its name."""
        ids = {p.record.import_key: p.holding.odoo_id for p in proposals if p.holding is not None}
        if ids:
            ledger.created(self.conn, ids, [p.record for p in proposals], self.run)

    # ------------------------------------------------------------------ updating

    def update(self, proposals: Sequence[Proposal]) -> None:
        """Write the changed fields of each; the step stands on record before it is taken."""
        for proposal in proposals:
            key, changes = proposal.record.import_key, proposal.changes
            new = {name: change["new"] for name, change in changes.items()}
            old = {name: change["old"] for name, change in changes.items()}
            self._note(proposal, "updated", None)
            ledger.writing(self.conn, key, old, new)
            self.run.at("before_write")
            try:
                self._write(proposal)
            except OdooError as error:
                self.fail(proposal, error.message)
                continue
            self.run.at("after_write")
            ledger.wrote(self.conn, key, new)

    def _write(self, proposal: Proposal) -> None:
        holding = proposal.holding
        if holding is None:
            raise OdooPermanentError("there is nothing to update")
        kind, changes = proposal.record.kind, proposal.changes
        in_odoo(self.port, kind, holding.odoo_id, holding.line_id, changes)

    # ------------------------------------------------------------------ the record

    def fail(self, proposal: Proposal, reason: str) -> None:
        self.written.failed[proposal.record.import_key] = reason
        self._note(proposal, "failed", reason)

    def _note(self, proposal: Proposal, event: str, reason: str | None) -> None:
        record, holding = proposal.record, proposal.holding
        odoo_id = holding.odoo_id if holding else None
        step = Event(
            record.import_key, record.kind.name, record.title, odoo_id, event, proposal.changes,
            reason,
        )  # fmt: skip
        ledger.note(self.conn, [step], self.run)


def in_odoo(
    port: ShadowPort,
    kind: Kind,
    odoo_id: int,
    line_id: int | None,
    changes: Mapping[str, Mapping[str, str | None]],
) -> None:
    """Write the new values of `changes` to one record. Raises the errors of connections.errors."""
    new = {name: change["new"] for name, change in changes.items()}
    if kind.archived_by == "cancel" and "active" in new:
        is_wanted = new.pop("active") == "1"
        port.act(kind.model, "action_draft" if is_wanted else "action_cancel", odoo_id)
    sent = {name: _sent(kind, name, value) for name, value in new.items()}
    own = {name: value for name, value in sent.items() if not name.startswith(LINE)}
    line = {n.removeprefix(LINE): value for n, value in sent.items() if n.startswith(LINE)}
    if own:
        port.write(kind.model, odoo_id, own)
    if line and line_id is not None:
        port.write(ORDER_LINE, line_id, line)


def _sent(kind: Kind, name: str, value: str | None) -> Any:
    """A value as write() takes it."""
    match kind.spec(name).type:
        case "flag":
            return value == "1"
        case "text" | "number":
            return value or False
        case _:
            return int(value) if value else False


def _messages(answer: Mapping[str, Any]) -> str:
    told = [str(each.get("message")) for each in answer.get("messages") or []]
    return "; ".join(dict.fromkeys(told)) or f"Odoo answered {answer.get('ids')!r}"
