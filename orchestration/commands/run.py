"""run: the whole night through Dagster, so that what an operator sees in the UI is what ran."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.commands import reconcile
from orchestration.commands.options import Json, Period
from orchestration.names import BUILD_OP, LOAD_OP, PUBLISH_OP
from orchestration.outcome import Outcome, execute
from orchestration.queries import Filters, reading
from orchestration.warehouse import migrate

Publish = Annotated[
    bool, typer.Option("--publish", help="Then publish what people approved, for real.")
]
FullLoad = Annotated[bool, typer.Option("--full", help="Compare every row of the sources.")]
FullRefresh = Annotated[
    bool, typer.Option("--full-refresh", help="Rebuild dbt's incremental tables.")
]
LogFormat = Annotated[
    str | None,
    typer.Option(help="What the run's log file holds: text, or json (an object a line)."),
]


def run(
    period: Period = None,
    publish: Publish = False,
    full: FullLoad = False,
    full_refresh: FullRefresh = False,
    log_format: LogFormat = None,
    json: Json = False,
) -> None:
    """Run the night: load, build and test the warehouse, check. Publishes only if told to.

    Example: [bold]billing run --period 2026-05[/]
    """
    settings = load_settings(**({"billing_log_format": log_format} if log_format else {}))
    outcome = (night if publish else refresh)(settings, full=full, full_refresh=full_refresh)
    if json:
        render.print_json(as_json(outcome))
    else:
        show(outcome)
    outcome.raise_if_failed()
    if not json:
        _show_month(settings, period)


def _show_month(settings: Settings, period: str | None) -> None:
    """What the night found: the month that was asked for."""
    if period is None:
        return
    with reading(settings) as conn:
        answer = reconcile.reconciliation(conn, settings, Filters(period=period))
    if answer["rows"] or answer["one_offs"]:
        reconcile.show(answer, period)
    else:
        render.stderr.print(f"note: nothing is reconciled in {period}", highlight=False)


def refresh(settings: Settings, *, full: bool = False, full_refresh: bool = False) -> Outcome:
    """Load, build, test."""
    migrate(settings)
    return execute(settings, "refresh", _config(full, full_refresh))


def night(settings: Settings, *, full: bool = False, full_refresh: bool = False) -> Outcome:
    """Load, build, test, and publish what is approved."""
    migrate(settings)
    config = _config(full, full_refresh)
    config["ops"][PUBLISH_OP] = {"config": {"go": True, "by": "billing run --publish"}}
    return execute(settings, "night", config)


def _config(full: bool, full_refresh: bool) -> dict[str, Any]:
    return {
        "ops": {
            LOAD_OP: {"config": {"full": full}},
            BUILD_OP: {"config": {"full_refresh": full_refresh}},
        }
    }


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome for machines."""
    return {
        "job": outcome.job,
        "run_id": outcome.run_id,
        "succeeded": outcome.succeeded and not outcome.failures,
        "seconds": round(outcome.seconds, 1),
        "assets": outcome.materialized,
        "checks_passed": outcome.checks_passed,
        "warnings": outcome.warnings,
        "failures": outcome.failures,
        "log": str(outcome.log),
    }


def show(outcome: Outcome) -> None:
    """One line that says it all; warnings below it."""
    mark = "[green]done[/]" if outcome.succeeded and not outcome.failures else "[red]failed[/]"
    render.stdout.print(
        f"{mark} {outcome.job}: {outcome.materialized} assets,"
        f" {outcome.checks_passed} checks passed, {len(outcome.warnings)} warnings,"
        f" {outcome.seconds:.0f} s (run {outcome.run_id[:8]})",
        highlight=False,
    )
    for warning in outcome.warnings:
        render.stdout.print(f"  [yellow]warning[/] {render.escape(warning)}", highlight=False)
