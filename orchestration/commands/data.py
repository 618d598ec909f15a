"""check, load, migrate: the sources and the copies."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connections.errors import DatabaseUnreachable, SettingsError
from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from loaders import LoadReport
from loaders import check as look
from loaders import load as copy_in
from loaders.report import CheckFinding
from loaders.tables import SOURCES
from orchestration import render
from orchestration.commands.options import Json
from orchestration.progress import loading
from orchestration.seeds import judge, known
from orchestration.seeds.tables import TABLES
from orchestration.warehouse import migrate as migrate_warehouse


def _source(name: str | None) -> str | None:
    if name not in (None, *SOURCES):
        raise typer.BadParameter(f"choose {' or '.join(SOURCES)}")
    return name


_ONLY = f"Only this source: {', '.join(SOURCES)}."
Only = Annotated[str | None, typer.Option(help=_ONLY, callback=_source)]
Full = Annotated[bool, typer.Option("--full", help="Compare every row, not only what is new.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")]
Shrink = Annotated[bool, typer.Option("--allow-shrink", help="Let a table lose many rows, once.")]


def check(json: Json = False) -> None:
    """Prove connections, rights, tables, columns, Odoo's version; count rows. Imports nothing.

    Example: [bold]billing check[/]
    """
    settings = load_settings()
    report = look(settings)
    report.findings += _seed_findings(settings)
    if json:
        render.print_json(report.as_json())
    else:
        findings = [vars(finding) for finding in report.findings]
        columns = ["source", "subject", "status", "detail"]
        render.stdout.print(render.table("Sources", findings, columns))
    if not report.is_ok:
        raise typer.Exit(1)


def _seed_findings(settings: Settings) -> list[CheckFinding]:
    """The price book and the policies, held against what was loaded so far."""
    try:
        with warehouse(settings) as conn:
            names = known.read(conn, judge.discounted())
    except (SettingsError, DatabaseUnreachable):  # a finding already
        names = known.Known()
    found = judge.problems(names)
    if not found:
        return [CheckFinding("seeds", f"{len(TABLES)} files", "ok", "can be rated by")]
    return [CheckFinding("seeds", problem.file, "problem", str(problem)) for problem in found]


def migrate() -> None:
    """Bring schema ops and the raw schemas to this version; harmless to repeat.

    Example: [bold]billing migrate[/]
    """
    migrate_warehouse(load_settings())
    render.stderr.print("schema ops is up to date")


def load(
    full: Full = False,
    only: Only = None,
    dry_run: DryRun = False,
    allow_shrink: Shrink = False,
    json: Json = False,
) -> None:
    """Copy what is new from NexaCloud and Odoo into the warehouse.

    Example: [bold]billing load --only nexacloud[/]
    """
    settings = load_settings()
    if not dry_run:
        migrate_warehouse(settings)
    with loading() as progress:
        report = copy_in(
            settings,
            only=only,
            full=full,
            dry_run=dry_run,
            allow_shrink=allow_shrink,
            progress=progress,
        )
    tables = report.as_json()["tables"]
    if json:
        render.print_json(tables)
    else:
        title = "Would load" if dry_run else "Loaded"
        render.stdout.print(_counted(title, tables))
    for note in _notes(report):
        render.stderr.print(f"note: {render.escape(note)}", highlight=False)


def _counted(title: str, tables: list[dict[str, Any]]) -> render.Listing:
    """A row a table; what happened to no row at all is said once, below."""
    counts = ["read", "created", "updated", "unchanged", "rejected", "deleted"]
    sums = {name: sum(table[name] for table in tables) for name in counts}
    columns = ["table", *(name for name in counts if sums[name]), "seconds"]
    caption = ", ".join(f"{count:,} {name}" for name, count in sums.items())
    return render.table(title, tables, columns, caption=caption)


def _notes(report: LoadReport) -> list[str]:
    """What a person should know although nothing stopped for it."""
    return report.notes + [
        f"{table.name}: {note}" for table in report.tables for note in table.notes
    ]
