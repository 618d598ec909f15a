"""audit: chains, approvals, ledger, marts, Odoo and, on request, everything rated again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg2.extensions import connection

from connections.odoo import OdooPort
from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import beside, dbt, render
from orchestration.command_error import CommandError
from orchestration.commands.options import Json
from orchestration.queries import select
from publishers import audit as audits
from publishers import evidence
from publishers.evidence import Discrepancy

PREFIX = "audit_"
# An approval that is lost with a ledger is no forgery: it is told, and does not fail the audit.
NOTES = ("adopted",)
Heads = Annotated[
    Path | None,
    typer.Option(
        help="Heads that earlier audits and publications kept; BILLING_HEADS if not named."
    ),
]
Keep = Annotated[bool, typer.Option("--keep-heads", help="Append the heads of now to that file.")]
Offline = Annotated[bool, typer.Option("--without-odoo", help="Do not ask Odoo.")]
RateAgain = Annotated[
    bool,
    typer.Option("--rate-again", help="Rate everything again from the raw records, and compare."),
]


@dataclass(frozen=True)
class Section:
    """One question, and what was found that does not agree."""

    name: str
    question: str
    findings: Sequence[Discrepancy]

    @property
    def wrong(self) -> Sequence[Discrepancy]:
        return [finding for finding in self.findings if finding.kind not in NOTES]


def audit(
    heads: Heads = None,
    keep_heads: Keep = False,
    without_odoo: Offline = False,
    rate_again: RateAgain = False,
    json: Json = False,
) -> None:
    """Prove that what was decided and billed is as it was, and that all sides agree on it.

    Exit code 1 where anything does not agree. Nothing is changed.

    Example: [bold]billing audit --rate-again[/]
    """
    settings = load_settings()
    file = heads or settings.billing_heads
    if keep_heads and file is None:
        raise typer.BadParameter("say where: --heads FILE, or BILLING_HEADS")
    sections = list(_sections(settings, file, without_odoo=without_odoo, rate_again=rate_again))
    if keep_heads and file is not None and not any(section.wrong for section in sections):
        with warehouse(settings) as conn:
            evidence.keep_heads(conn, file)
    if json:
        render.print_json(_as_json(sections))
    else:
        _show(sections, file)
    if any(section.wrong for section in sections):
        raise typer.Exit(1)


def _sections(
    settings: Settings, file: Path | None, *, without_odoo: bool, rate_again: bool
) -> Iterable[Section]:
    marts = settings.schema("marts")
    kept = _kept(file)
    with warehouse(settings) as conn:
        yield _section("chains", "Is every row what it was?", evidence.verify, conn, kept)
        yield _section("approvals", "Had every line its approvals?", audits.approvals, conn)
        yield _section("totals", "Are documents the sum of their lines?", audits.totals, conn)
        yield _section("marts", "Do the marts show what was billed?", audits.marts, conn, marts)
        if not without_odoo:
            port = OdooPort.connect(settings)
            yield _section("odoo", "Does Odoo hold what was billed?", audits.odoo, conn, port)
    if rate_again:
        found = _rated_again(settings)
        yield Section("rating", "Does rating again give the same?", found)


def _section(
    name: str, question: str, find: Callable[..., Iterable[Discrepancy]], *given: Any
) -> Section:
    return Section(name, question, tuple(find(*given)))


def _kept(file: Path | None) -> list[evidence.Head]:
    """Heads that were kept; a file that is to be kept for the first time has none."""
    if file is None or not file.exists():
        return []
    return evidence.kept_heads(file.read_text(encoding="utf-8").splitlines(), file.name)


def _rated_again(settings: Settings) -> list[Discrepancy]:
    """Every model to the invoice lines, from nothing, as of the build in use."""
    with warehouse(settings) as conn:
        as_of = _as_of_the_build(conn, settings)
    again = settings.model_copy(update={"billing_schema_prefix": PREFIX, "billing_as_of": as_of})
    with beside.room(settings, again, "audit", "an audit", _tell):
        with render.stderr.status("rating again from the raw records"):
            dbt.run(again, "seed", in_place=True)
            dbt.run(again, "run", "--select", "+fct_invoice_lines", in_place=True)
        with warehouse(settings) as conn:
            schemas = settings.schema("marts"), again.schema("marts")
            return list(audits.rated_again(conn, *schemas))


def _as_of_the_build(conn: connection, settings: Settings) -> Any:
    build = select(conn, settings, _BUILD)
    if not build:
        raise CommandError("there is no build yet: run `billing run`")
    if build[0]["is_older_than_its_sources"]:
        raise CommandError(
            "the sources were loaded since the build in use, so that rating again would tell their"
            " news apart from nothing: run `billing run` first"
        )
    return build[0]["as_of"]


_BUILD = """
    select
        build.as_of,
        exists (
            select from ops.load_runs as loads
            where loads.status = 'succeeded' and not loads.is_dry_run
                and loads.finished_at > build.started_at
                and coalesce(loads.created_count, 0) + coalesce(loads.updated_count, 0)
                    + coalesce(loads.deleted_count, 0) > 0
        ) as is_older_than_its_sources
    from {marts}.dim_build as build
"""


def _tell(news: str) -> None:
    render.stderr.print(f"this audit {news}")


def _as_json(sections: Sequence[Section]) -> dict[str, Any]:
    return {
        "is_ok": not any(section.wrong for section in sections),
        "sections": [
            {
                "name": section.name,
                "question": section.question,
                "is_ok": not section.wrong,
                "counts": audits.summary(section.findings),
                "findings": [finding.as_json() for finding in section.findings],
            }
            for section in sections
        ],
    }


def _show(sections: Sequence[Section], file: Path | None) -> None:
    for section in sections:
        said = f"[red]no, {len(section.wrong)}[/]" if section.wrong else "[green]yes[/]"
        render.stdout.print(f"{section.question:<40}{said}")
        for finding in section.findings:
            mark = "[yellow]note[/]" if finding.kind in NOTES else f"[red]{finding.kind}[/]"
            render.stdout.print(f"  {mark} {render.escape(finding.says)}", highlight=False)
    if file is None:
        render.stdout.print(
            "no heads were kept elsewhere (BILLING_HEADS): a chain that was written anew as a"
            " whole would not be noticed"
        )
