"""import: NexaCloud's customers, catalogue and subscriptions into Odoo, as a shadow.

Flows in: which part, and who decides. Flows out: the proposals, one row a record, and counts per
kind; with --go the records in Odoo, through Dagster. A dry run without it.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.commands.options import Go, Json
from orchestration.names import IMPORT_KEY, IMPORT_OP
from orchestration.outcome import execute
from orchestration.warehouse import migrate

Everything = Annotated[bool, typer.Option("--all", help="Also what is not sold, held or live.")]
Test = Annotated[bool, typer.Option("--test", help="Connection, rights, fields; imports nothing.")]
Prune = Annotated[bool, typer.Option("--prune", help="What an import brought and nobody uses.")]
Undo = Annotated[str | None, typer.Option(metavar="RUN", help="Take back what this run did.")]
Row = Annotated[list[str] | None, typer.Option(metavar="KEY", help="Only this row; or `all`.")]
Plan = Annotated[str | None, typer.Option(help="Carry out what this dry run showed, or nothing.")]
Take = Annotated[
    str | None, typer.Option(metavar="ours|theirs", help="Settle the conflict of --row so.")
]
Name = Annotated[str, typer.Option("--by", help="Who decides: your name. It is kept for ever.")]
Reason = Annotated[str, typer.Option("--why", help="Why: one sentence, for --take.")]
COUNTS = (
    "created", "updated", "archived", "restored", "unchanged", "skipped", "conflicts", "failed",
)  # fmt: skip
QUIET = ("unchanged", "skipped")


def import_(
    go: Go = False,
    everything: Everything = False,
    row: Row = None,
    plan: Plan = None,
    test: Test = False,
    prune: Prune = False,
    undo: Undo = None,
    take: Take = None,
    by: Name = "",
    why: Reason = "",
    json: Json = False,
) -> None:
    """Put customers, catalogue and subscriptions into Odoo as a shadow. A dry run without --go.

    Example: [bold]billing import --test[/], [bold]billing import[/],
    [bold]billing import --go --by "Dana Roy"[/]
    """
    settings, rows = load_settings(), row or []
    _check(rows, {"--test": test, "--prune": prune, "--undo": undo, "--take": take}, take)
    if (go or take) and not by.strip():
        raise typer.BadParameter("say who decides: --by NAME")
    if test:
        answer = _try(settings, json)
    elif take:
        answer = _take(settings, rows[0], take, by, why)
    elif prune or undo:
        answer = _take_back(settings, undo, rows, by, go)
    elif go:
        answer = carry_out(settings, everything, rows, plan, by)
    else:
        answer = dry_run(settings, everything, rows, plan)
    if json:
        render.print_json(answer)
    elif not test:
        show(answer)
    if not answer["is_ok"]:
        raise typer.Exit(1)


def _check(rows: list[str], modes: dict[str, Any], take: str | None) -> None:
    """What was asked for is one thing, and complete."""
    if len([name for name, value in modes.items() if value]) > 1:
        raise typer.BadParameter(f"one of {', '.join(modes)} at a time")
    if take and (take not in ("ours", "theirs") or len(rows) != 1):
        raise typer.BadParameter("--take ours or --take theirs, of one --row KEY")


def dry_run(
    settings: Settings, everything: bool, rows: list[str], plan: str | None
) -> dict[str, Any]:
    """What would be done; nothing is written to Odoo."""
    from publishers.importer import run_import

    migrate(settings)
    return run_import(settings, everything=everything, rows=rows, plan=plan).as_json()


def carry_out(
    settings: Settings, everything: bool, rows: list[str], plan: str | None, by: str
) -> dict[str, Any]:
    """Import through Dagster; the run's metadata is the report."""
    config: dict[str, Any] = {"go": True, "everything": everything, "rows": rows, "by": by}
    config |= {"plan": plan} if plan else {}
    outcome = execute(settings, "import_shadow", {"ops": {IMPORT_OP: {"config": config}}})
    if "/".join(IMPORT_KEY) not in outcome.metadata:
        outcome.raise_if_failed()
    answer: dict[str, Any] = outcome.metadata["/".join(IMPORT_KEY)]["report"]
    return answer


def _take_back(
    settings: Settings, run: str | None, rows: list[str], by: str, go: bool
) -> dict[str, Any]:
    from publishers import importer

    migrate(settings)
    if run:
        return importer.undo(settings, run, go=go, rows=rows, by=by).as_json()
    return importer.prune(settings, go=go, rows=rows, by=by).as_json()


def _take(settings: Settings, key: str, side: Any, by: str, why: str) -> dict[str, Any]:
    from publishers import importer

    migrate(settings)
    proposal = importer.take(settings, key, side, by=by, why=why)
    report = importer.ImportReport("take", "", dry_run=True, rows=[proposal.as_json()])
    return report.as_json()


def _try(settings: Settings, json: bool) -> dict[str, Any]:
    from publishers.importer import try_connection

    answer = try_connection(settings).as_json()
    if json:
        return answer
    models = [
        {**each, "missing": ", ".join(each["missing_rights"]) or "nothing"}
        for each in answer["models"]
    ]
    title = f"Odoo {answer['version']} at {answer['url']}, as {answer['user']}"
    render.stdout.print(render.table(title, models, ["kind", "model", "missing", "fix"]))
    _show_what_is_left_out(answer)
    verdict = "[green]ready[/]" if answer["is_ok"] else "[red]not ready[/]"
    render.stdout.print(f"{verdict}; nothing was imported")
    return answer


def show(answer: dict[str, Any]) -> None:
    """Print what is to be done or decided, row by row, and the counts of every kind."""
    rows = [_told(row) for row in answer["rows"] if row["outcome"] not in QUIET]
    title = (
        f"{answer['mode'].capitalize()}: {'dry run (add --go)' if answer['dry_run'] else 'done'}"
    )
    if rows:
        columns = ["key", "action", "odoo_id", "what", "reason"]
        render.stdout.print(render.table(title, rows, columns))
    counts = [{"kind": kind, **numbers} for kind, numbers in answer["kinds"].items()]
    used = [name for name in COUNTS if answer[name]] or ["unchanged"]
    render.stdout.print(render.table("Per kind", counts, ["kind", *used]))
    for reason, count in _reasons(answer).items():
        render.stdout.print(f"[dim]skipped {count}[/] {render.escape(reason)}", highlight=False)
    _show_what_is_left_out(answer)
    if answer["stopped"]:
        render.stdout.print(f"[red]held[/] {render.escape(answer['stopped'])}", highlight=False)
    wrote = "nothing was written to Odoo" if answer["dry_run"] else f"run {answer['run_id']}"
    render.stdout.print(f"plan {answer['plan']}; {wrote}", highlight=False)


def _show_what_is_left_out(answer: dict[str, Any]) -> None:
    for kind, reason in answer["left_out"].items():
        render.stdout.print(f"[yellow]left out[/] {kind}: {render.escape(reason)}", highlight=False)
    for note in answer["notes"]:
        render.stdout.print(f"[yellow]note[/] {render.escape(note)}", highlight=False)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    changes = [f"{n}: {c['old'] or ''} -> {c['new'] or ''}" for n, c in row["changes"].items()]
    is_new = row["action"] == "create"
    action = row["outcome"] if row["outcome"] == "failed" else row["action"]
    return {**row, "action": action, "what": row["title"] if is_new else "; ".join(changes)}


def _reasons(answer: dict[str, Any]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for row in answer["rows"]:
        if row["outcome"] == "skipped":
            # A date or a key in it is a person's, not the reason's.
            reason = str(row["reason"]).split(" at 20")[0].split(" waits for ")[0]
            counted[reason] = counted.get(reason, 0) + 1
    return counted
