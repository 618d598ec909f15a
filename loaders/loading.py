"""One load, from lock to report. Settings and options flow in; raw tables, ops rows and a
LoadReport flow out.

Every source that takes part is looked at whole before the first row of any is loaded: what is half
broken leaves the warehouse as it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import ExitStack

from connections.settings import Settings
from loaders.contracts import Table
from loaders.errors import LoadError, PreflightError
from loaders.options import LoadOptions
from loaders.report import LoadReport, ProgressCallback
from loaders.sessions import AbsentSession, OdooSession, ServiceSession
from loaders.tables import ALL, SERVICES, SOURCES, tables_of

Session = ServiceSession | AbsentSession | OdooSession


def load(
    settings: Settings,
    *,
    only: str | None = None,
    tables: Sequence[str] | None = None,
    full: bool = False,
    dry_run: bool = False,
    allow_shrink: bool = False,
    run_id: str | None = None,
    progress: ProgressCallback | None = None,
) -> LoadReport:
    """Copy what is new from the sources into the raw schemas.

    `only` is a source; `tables` are names as `usage_records`, `raw_odoo.account_move` or
    `account.move`. `full` reads everything and repairs differences. `dry_run` counts and writes
    nothing. Raises a LoadError, a connections.OdooError, DatabaseUnreachable or SettingsError; then
    what is copied of a service is as it was or wholly loaded, and so is each table of raw_odoo.
    """
    options = LoadOptions(
        settings, run_id or str(uuid.uuid4()), full, dry_run, allow_shrink, progress
    )
    chosen = choose(only, tables)
    report = LoadReport(options.run_id, dry_run)
    with ExitStack() as stack:
        sessions = _open_sessions(stack, chosen, options)
        problems = [problem for session in sessions for problem in session.problems]
        if problems:
            raise PreflightError(problems)
        for session in sessions:
            report.notes += session.notes
            report.tables += session.load()
    return report


def _open_sessions(
    stack: ExitStack, chosen: Sequence[Table], options: LoadOptions
) -> list[Session]:
    """A session for each source that has a table among the chosen, Odoo last."""
    sessions: list[Session] = []
    for service in SERVICES:
        own = [table for table in chosen if table.source == service]
        if own and len(own) < len(chosen) and AbsentSession.fits(service, options.settings):
            sessions.append(AbsentSession(service, own))
        elif own:
            sessions.append(ServiceSession(stack, service, own, options))
    if odoo := [table for table in chosen if table.source == "odoo"]:
        sessions.append(OdooSession(stack, odoo, options))
    return sessions


def choose(only: str | None, names: Sequence[str] | None) -> tuple[Table, ...]:
    """The tables that the caller means. Raises LoadError on a name that is not in the list."""
    if only not in (None, *SOURCES):
        raise LoadError(f"there is no source {only!r}: choose {' or '.join(SOURCES)}")
    chosen = ALL if only is None else tables_of(only)
    if names is None:
        return chosen
    unknown = sorted(set(names) - {alias for table in chosen for alias in _aliases(table)})
    if unknown:
        raise LoadError(f"no such table: {', '.join(unknown)}; the list is in loaders/tables.py")
    return tuple(table for table in chosen if not _aliases(table).isdisjoint(names))


def _aliases(table: Table) -> set[str]:
    return {
        table.name,
        table.source_name,
        f"{table.schema}.{table.name}",
        f"{table.schema}/{table.name}",
    }
