"""Takes out of use what an import brought: what nobody uses (prune), or all that a run did (undo).

In: Odoo, the warehouse's proposals, the importer's events. Out: an ImportReport a row; with `go`,
the rows that a person named are archived (orders: cancelled), never deleted, or put back as they
were. What is in use, or was changed since, stays and says why.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from uuid import uuid4

from psycopg2.extensions import connection as Connection

from connections.errors import OdooError
from connections.postgres import warehouse
from connections.settings import Settings
from publishers.importer import ledger
from publishers.importer.guard import ShadowPort
from publishers.importer.ledger import Event, ImportRefused, ImportRun
from publishers.importer.leftovers import find_leftovers
from publishers.importer.report import ImportReport
from publishers.importer.reverting import Step, steps_back
from publishers.importer.running import look
from publishers.importer.writing import in_odoo
from publishers.ports import Ports

EVERY_ROW = "all"
_EVENTS = {"archive": "archived", "restore": "restored", "update": "updated"}


def prune(
    settings: Settings,
    *,
    go: bool = False,
    rows: Collection[str] = (),
    by: str = "billing import",
    run_id: str | None = None,
) -> ImportReport:
    """What an earlier import, ours or the old one, brought and nobody uses."""

    def find(conn: Connection, port: ShadowPort) -> list[Step]:
        found = look(conn, port, settings)
        ledger.note_proposals(conn, found.proposals)
        return find_leftovers(port, found)

    return _take_back(settings, find, "prune", go, rows, by, run_id)


def undo(
    settings: Settings,
    undone: str,
    *,
    go: bool = False,
    rows: Collection[str] = (),
    by: str = "billing import",
    run_id: str | None = None,
) -> ImportReport:
    """What run `undone` did, taken back. Raises ImportRefused where it did nothing."""

    def find(conn: Connection, port: ShadowPort) -> list[Step]:
        events = ledger.events_of(conn, undone)
        if not events:
            raise ImportRefused(f"no import is called {undone}: each names its run when it ends")
        return steps_back(port, events)

    return _take_back(settings, find, "undo", go, rows, by, run_id)


def _take_back(
    settings: Settings,
    find: Callable[[Connection, ShadowPort], list[Step]],
    mode: str,
    go: bool,
    rows: Collection[str],
    by: str,
    run_id: str | None,
) -> ImportReport:
    started = time.monotonic()
    report = ImportReport(mode, run_id or uuid4().hex, dry_run=not go)
    if go and not rows:
        raise ImportRefused(f"say which rows: --row KEY for each, or --row {EVERY_ROW}")
    with warehouse(settings) as conn, Ports(settings.as_importer()).one() as odoo:
        name = ledger.person(conn, by) if go else by
        run, port = ImportRun(report.run_id, name), ShadowPort(odoo)
        steps = _named(find(conn, port), rows)
        report.rows = [step.as_json() for step in steps]
        if go:
            for step in steps:
                _carry_out(conn, port, step, run, report)
    report.seconds = time.monotonic() - started
    return report


def _named(steps: Sequence[Step], rows: Collection[str]) -> list[Step]:
    """The rows that a person named; one that another needs, and nobody named, keeps it."""
    if not rows or EVERY_ROW in rows:
        return list(steps)
    if unknown := sorted(set(rows) - {step.import_key for step in steps}):
        raise ImportRefused(f"no row is called {unknown[0]}: the dry run lists them")
    return [_alone(step, rows) for step in steps if step.import_key in rows]


def _alone(step: Step, rows: Collection[str]) -> Step:
    if missing := sorted(step.needs - set(rows)):
        return replace(
            step, action="skip", changes={}, reason=f"in use by {missing[0]}, which is not named"
        )
    return step


def _carry_out(
    conn: Connection, port: ShadowPort, step: Step, run: ImportRun, report: ImportReport
) -> None:
    """One row; it stands on record before it is taken back."""
    if step.action not in _EVENTS:
        return
    if waits := sorted(step.needs & report.failed.keys()):
        report.failed[step.import_key] = f"in use by {waits[0]}, which failed"
        return
    event = Event(
        step.import_key, step.kind.name, step.title, step.odoo_id, _EVENTS[step.action],
        step.changes,
    )  # fmt: skip
    ledger.note(conn, [event], run)
    try:
        in_odoo(port, step.kind, step.odoo_id, step.line_id, step.changes)
    except OdooError as error:
        report.failed[step.import_key] = error.message
        ledger.note(conn, [replace(event, event="failed", reason=error.message)], run)
        return
    new = {name: change["new"] for name, change in step.changes.items()}
    ledger.wrote(conn, step.import_key, new)
