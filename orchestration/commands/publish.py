"""publish: approved lines become drafts in Odoo; a dry run shows the very documents first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from connections.odoo import OdooPort
from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.commands.options import By, Go, Json, Period, Service, Why
from orchestration.names import DRAFTS_KEY, PUBLISH_OP
from orchestration.outcome import execute
from orchestration.warehouse import migrate
from publishers import drafts, restore
from publishers.exports import export as write_export
from publishers.ledger import Run
from publishers.release import release as release_document

Limit = Annotated[int | None, typer.Option(help="At most so many documents.", min=1)]
Export = Annotated[Path | None, typer.Option(help="Write the dry run to a .csv, .xlsx or .json.")]
FORMATS = (".csv", ".xlsx", ".json")
Publisher = Annotated[str, typer.Option("--by", help="Who publishes; kept in the ledger.")]


def publish(
    go: Go = False,
    period: Period = None,
    service: Service = None,
    limit: Limit = None,
    by: Publisher = "billing publish",
    export: Export = None,
    json: Json = False,
) -> None:
    """Write approved lines to Odoo as draft invoices, exactly once. A dry run without --go.

    Example: [bold]billing publish --period 2026-05 --go[/]
    """
    settings = load_settings()
    config = {"period": period, "service": service, "limit": limit, "by": by}
    if export and (go or export.suffix.lower() not in FORMATS):
        raise typer.BadParameter(f"--export is of a dry run, into a file that ends in {FORMATS}")
    answer = publish_for_real(settings, **config) if go else dry_run(settings, export, **config)
    if json:
        render.print_json(answer)
    else:
        show(answer)
    if not answer["is_ok"]:
        raise typer.Exit(1)


def release(
    document_key: Annotated[str, typer.Argument(help="The document's key: see `billing publish`.")],
    by: By,
    why: Why,
) -> None:
    """Let go of a document whose draft is gone from Odoo; its lines may then be published anew.

    Example: [bold]billing release DOCUMENT --by "Dana Roy" --why "the draft was deleted"[/]
    """
    settings = load_settings()
    with warehouse(settings) as conn:
        port = OdooPort.connect(settings)
        person = Run(by=by, run_id=uuid4().hex, at=lambda _point: None)
        released = release_document(conn, port, document_key, person, why)
    render.stdout.print(f"{document_key} is released: {len(released.line_keys)} lines are free")


def restore_ledger(by: By = "", go: Go = False, json: Json = False) -> None:
    """Adopt what Odoo holds of ours and the ledger has lost, after `ops` came from a backup.

    Only documents whose lines are certain are adopted; the others are named, with what to do.

    Example: [bold]billing restore-ledger --go --by "Dana Roy"[/]
    """
    settings = load_settings()
    if go and not by.strip():
        raise typer.BadParameter("say who adopts: --by")
    migrate(settings)
    run = Run(by=by or "billing restore-ledger", run_id=uuid4().hex, at=lambda _point: None)
    with warehouse(settings) as conn:
        port = OdooPort.connect(settings)
        found = restore.restore(conn, port, settings.schema("marts"), run, go=go)
    answer = [each.as_json() for each in found]
    if json:
        render.print_json(answer)
    elif answer:
        columns = ["odoo_id", "document_key", "state", "total", "lines", "problem"]
        done = "Adopted" if go else "Unknown to the ledger (adopt them: add --go)"
        render.stdout.print(render.table(done, answer, columns))
    else:
        render.stdout.print("the ledger knows every document of ours in Odoo")
    if any(each.problem for each in found) or (found and not go):
        raise typer.Exit(1)


def dry_run(settings: Settings, export: Path | None = None, **config: Any) -> dict[str, Any]:
    """What would be written, straight from the publisher: it leaves no trace, not even a run."""
    migrate(settings)
    report = drafts.publish(settings, go=False, **config)
    if export:
        write_export(report, export)
    return report.as_json()


def publish_for_real(settings: Settings, **config: Any) -> dict[str, Any]:
    """Publish through Dagster; the run's metadata is the report."""
    given = {name: value for name, value in config.items() if value is not None}
    outcome = execute(settings, "publish", {"ops": {PUBLISH_OP: {"config": {"go": True, **given}}}})
    if "/".join(DRAFTS_KEY) not in outcome.metadata:
        outcome.raise_if_failed()
    answer: dict[str, Any] = outcome.metadata["/".join(DRAFTS_KEY)]["report"]
    return answer


def show(answer: dict[str, Any]) -> None:
    """Print the documents with their totals, and the counts."""
    if answer["documents"]:
        _show_documents(answer)
    if answer["dry_run"]:
        planned = sum(each["state"] == "planned" for each in answer["documents"])
        said = f"dry run, nothing was written: {planned} to create, {answer['unchanged']} unchanged"
        render.stdout.print(f"{said}, {answer['held']} held")
    else:
        counts = ("created", "unchanged", "held", "failed", "quarantined")
        render.stdout.print(", ".join(f"{answer[name]} {name}" for name in counts))
    if answer["stopped"]:
        render.stdout.print(f"[red]held[/] {render.escape(answer['stopped'])}", highlight=False)
    for note in answer["notes"]:
        render.stdout.print(f"[yellow]note[/] {render.escape(note)}", highlight=False)
    for alarm in answer["alarms"]:
        render.stdout.print(
            f"[red]alarm[/] {alarm['key']} (Odoo {alarm['odoo_id']}):"
            f" {render.escape(alarm['says'])}",
            highlight=False,
        )


def _show_documents(answer: dict[str, Any]) -> None:
    title = "Would be published (dry run: add --go)" if answer["dry_run"] else "Drafts in Odoo"
    columns = ["odoo_id", "document", "partner", "untaxed", "tax", "total", "lines"]
    documents = [
        {
            **each,
            **{name: each[f"{name}_amount"] for name in ("untaxed", "tax", "total")},
            "document": each["key"],
            "kind": "credit note" if each["move_type"] == "out_refund" else "invoice",
            "lines": len(each["lines"]),
        }
        for each in answer["documents"]
    ]
    if any(each["kind"] == "credit note" for each in documents):
        columns.insert(2, "kind")
    reasons = ["reason"] if any(each["reason"] for each in documents) else []
    render.stdout.print(render.table(title, documents, [*columns, *reasons]))
