"""An import, from the first look to the last record.

In: settings, and whether to go. Out: an ImportReport; with `go`, records in Odoo and their rows in
the ledger. The order is the safety: read what Odoo holds, judge, then write kind after kind, each
record once; what fails is named, and what does not need it goes on.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from psycopg2.extensions import connection as Connection

from connections.builds import pinned
from connections.postgres import warehouse
from connections.settings import Settings
from publishers.freshness import stale_reason
from publishers.importer import ledger
from publishers.importer.facts import Facts, read_facts
from publishers.importer.guard import ShadowPort
from publishers.importer.holdings import Holdings, Reader
from publishers.importer.judging import Judge, KnownRecord, Proposal
from publishers.importer.kinds import Kind
from publishers.importer.ledger import ImportRefused, ImportRun
from publishers.importer.pricelists import read_pricelists, wrong_currency
from publishers.importer.records import Record, read_records
from publishers.importer.report import ImportReport, plan_of
from publishers.importer.writing import Writer, Written
from publishers.ports import Ports

Progress = Callable[[str], None]
PER_DEPLOYMENT = "deployment"


@dataclass(frozen=True)
class Look:
    """Everything that one look at both sides found."""

    records: Sequence[Record]
    facts: Facts
    holdings: Holdings
    reader: Reader
    known: Mapping[str, KnownRecord]
    proposals: Sequence[Proposal]
    # Why nothing may be written from this build of the warehouse.
    stale: str | None


def run_import(
    settings: Settings,
    *,
    go: bool = False,
    everything: bool = False,
    rows: Collection[str] = (),
    plan: str | None = None,
    by: str = "billing import",
    run_id: str | None = None,
    progress: Progress | None = None,
    at: Callable[[str], None] | None = None,
) -> ImportReport:
    """Show what would be imported, or with `go` import it.

    `everything`: what is out of scope as well. `rows`: only these import keys, and not what they
    need. `plan`: the hash of a dry run; raises ImportRefused where another would be carried out.
    `at` is called with the name of a point of the work: tests break things there.
    """
    started = time.monotonic()
    report = ImportReport("import", run_id or uuid4().hex, dry_run=not go)
    with warehouse(settings) as conn, Ports(settings.as_importer()).one() as odoo:
        name = ledger.person(conn, by) if go else by
        run = ImportRun(report.run_id, name, at or (lambda _point: None))
        port = ShadowPort(odoo)
        found = look(conn, port, settings, everything=everything)
        report.stopped = found.stale if go else None
        ledger.note_proposals(conn, found.proposals)
        chosen = _chosen(found.proposals, rows)
        report.rows = [proposal.as_json() for proposal in chosen]
        report.left_out, report.notes = found.facts.left_out, found.facts.notes
        _check_plan(report, plan)
        if go and not report.stopped:
            writer = Writer(conn, port, found.facts, run, progress=progress or (lambda _text: None))
            _carry_out(writer, found, chosen)
            report.failed = writer.written.failed
            report.elsewhere = writer.written.elsewhere
    report.seconds = time.monotonic() - started
    return report


def look(
    conn: Connection, port: ShadowPort, settings: Settings, *, everything: bool = False
) -> Look:
    """Read both sides and judge every record; nothing is written."""
    per_deployment = settings.billing_import_orders_per == PER_DEPLOYMENT
    marts = settings.schema("marts")
    with pinned(conn, marts):
        records = read_records(conn, marts, per_deployment=per_deployment)
        stale = stale_reason(conn, marts)
    known, facts, holdings = ledger.read(conn), read_facts(port, records), Holdings()
    read_pricelists(port, facts)
    reader = Reader(port, facts.fields, holdings)
    ids = {key: row.odoo_id for key, row in known.items() if row.odoo_id}
    for kind in facts.kinds():
        reader.read(kind, [record for record in records if record.kind is kind], ids)
    judge = Judge(facts, holdings, known, everything=everything)
    return Look(records, facts, holdings, reader, known, judge.judge_all(records), stale)


def _chosen(proposals: Sequence[Proposal], rows: Collection[str]) -> list[Proposal]:
    """Those that the person named; raises ImportRefused for a name that is nobody's."""
    if not rows:
        return list(proposals)
    keys = {proposal.record.import_key for proposal in proposals}
    if unknown := sorted(set(rows) - keys):
        raise ImportRefused(f"no record is called {unknown[0]}: `billing import --json` lists them")
    return [proposal for proposal in proposals if proposal.record.import_key in rows]


def _check_plan(report: ImportReport, plan: str | None) -> None:
    if plan and plan != plan_of(report.rows):
        raise ImportRefused(
            f"what would be written is no longer plan {plan}: look again, the dry run names the"
            " new one"
        )


def _carry_out(writer: Writer, found: Look, chosen: Sequence[Proposal]) -> None:
    ledger.note_matches(writer.conn, chosen)
    writer.confirm([p for p in chosen if p.holding is not None and p.holding.is_ours])
    ledger.agree(writer.conn, _agreed(chosen))
    for kind in found.facts.kinds():
        mine = [p for p in chosen if p.record.kind is kind]
        _create(writer, found, kind, [p for p in mine if p.action == "create"])
        updates = _resolved(writer, found, [p for p in mine if p.action == "update"])
        writer.update(updates)


def _create(writer: Writer, found: Look, kind: Kind, proposals: Sequence[Proposal]) -> None:
    ready = _resolved(writer, found, proposals)
    writer.create(kind, ready)
    keys = {p.record.import_key: writer.written.ids.get(p.record.import_key) for p in ready}
    there = {key: odoo_id for key, odoo_id in keys.items() if odoo_id}
    # What a run that died was sending was sent again as it was: what is wanted by now is an update.
    outdated = [p for p in ready if _differences(writer.written, p)]
    needed = there if kind.is_referred_to else {p.record.import_key for p in outdated}
    # Others refer to them, some by an id that only reading tells.
    holdings = found.reader.by_id(kind, [there[key] for key in needed])
    found.holdings.found |= {key: holdings[there[key]] for key in needed if there[key] in holdings}
    writer.update(
        [
            replace(p, action="update", changes=_differences(writer.written, p), holding=holding)
            for p in outdated
            if (holding := found.holdings.found.get(p.record.import_key))
        ]
    )


def _differences(written: Written, proposal: Proposal) -> dict[str, dict[str, str | None]]:
    """Where what was sent is not what is wanted now."""
    sent = written.sent.get(proposal.record.import_key, proposal.values)
    return {
        name: {"old": sent.get(name), "new": value}
        for name, value in proposal.values.items()
        if sent.get(name) != value
    }


def _resolved(writer: Writer, found: Look, proposals: Sequence[Proposal]) -> list[Proposal]:
    """With the ids of what was created a moment ago; what waits for a failure fails with it."""
    ready = []
    for proposal in proposals:
        values, missing = dict(proposal.values), None
        for spec in proposal.record.kind.fields:
            key = proposal.record.wanted.get(spec.name)
            if spec.type != "reference" or not key:
                continue
            values[spec.name] = found.holdings.reference(key, spec.name)
            missing = missing or (None if values[spec.name] else key)
        problem = wrong_currency(proposal.record, found.facts, found.holdings)
        if missing or problem:
            writer.fail(proposal, problem or f"waits for {missing}, which is not in Odoo")
        else:
            changes = {
                name: {**each, "new": values.get(name)} for name, each in proposal.changes.items()
            }
            ready.append(replace(proposal, values=values, changes=changes))
    return ready


def _agreed(proposals: Sequence[Proposal]) -> dict[str, dict[str, str | None]]:
    """Where Odoo holds what is wanted: from now on a change of either side is seen as that."""
    return {
        p.record.import_key: {
            name: value
            for name, value in p.values.items()
            if p.holding is not None and p.holding.values.get(name) == value
        }
        for p in proposals
        if p.action in ("unchanged", "update") and p.holding is not None
    }
