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
from loaders.sessions import NexacloudSession, OdooSession
from loaders.tables import ALL, tables_of


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
    raw_nexacloud is as it was or wholly loaded, and so is each table of raw_odoo.
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
) -> list[NexacloudSession | OdooSession]:
    """A session for each source that has a table among the chosen, NexaCloud first."""
    sessions: list[NexacloudSession | OdooSession] = []
    nexacloud = [table for table in chosen if table.source == "nexacloud"]
    odoo = [table for table in chosen if table.source == "odoo"]
    if nexacloud:
        sessions.append(NexacloudSession(stack, nexacloud, options))
    if odoo:
        sessions.append(OdooSession(stack, odoo, options))
    return sessions


def choose(only: str | None, names: Sequence[str] | None) -> tuple[Table, ...]:
    """The tables that the caller means. Raises LoadError on a name that is not in the list."""
    if only not in (None, "nexacloud", "odoo"):
        raise LoadError(f"there is no source {only!r}: choose nexacloud or odoo")
    chosen = ALL if only is None else tables_of("nexacloud" if only == "nexacloud" else "odoo")
    if names is None:
        return chosen
    by_name = {alias: table for table in chosen for alias in _aliases(table)}
    unknown = sorted(set(names) - set(by_name))
    if unknown:
        raise LoadError(f"no such table: {', '.join(unknown)}; the list is in loaders/tables.py")
    wanted = {by_name[name] for name in names}
    return tuple(table for table in chosen if table in wanted)


def _aliases(table: Table) -> set[str]:
    return {
        table.name,
        table.source_name,
        f"{table.schema}.{table.name}",
        f"{table.schema}/{table.name}",
    }
