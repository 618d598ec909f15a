"""The command line: `billing`, for people and for cron.

Flows in: arguments. Flows out: tables for people, `--json` for machines, exit code 0 only when all
is well (1: something is wrong and was named; 2: the command was written wrong). A verb's module is
imported when the verb runs, so that `billing --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.boundary import Panels, Verbs

COMMANDS = "orchestration.commands"
VERBS: Panels = {
    "The embedded world": (
        f"{COMMANDS}.world:up",
        f"{COMMANDS}.world:down",
        f"{COMMANDS}.world:status",
    ),
    "Sources and warehouse": (
        f"{COMMANDS}.init:init",
        f"{COMMANDS}.data:check",
        f"{COMMANDS}.data:migrate",
        f"{COMMANDS}.data:load",
        f"{COMMANDS}.run:run",
        f"{COMMANDS}.imports:import_",
    ),
    "Prove": (
        f"{COMMANDS}.reconcile:reconcile",
        f"{COMMANDS}.exceptions:exceptions",
        f"{COMMANDS}.readiness:readiness",
        f"{COMMANDS}.explain:explain",
        f"{COMMANDS}.what_if:what_if",
        f"{COMMANDS}.audit:audit",
    ),
    "Bill": (
        f"{COMMANDS}.lines:lines",
        f"{COMMANDS}.review:approve",
        f"{COMMANDS}.review:reject",
        f"{COMMANDS}.review:revoke",
        f"{COMMANDS}.review:credit",
        f"{COMMANDS}.policy:policy",
        f"{COMMANDS}.publish:publish",
        f"{COMMANDS}.publish:release",
        f"{COMMANDS}.publish:restore_ledger",
        f"{COMMANDS}.events:events",
        f"{COMMANDS}.close_month:close_month",
        f"{COMMANDS}.report:report",
    ),
    "Who may what": (f"{COMMANDS}.identities:identities", f"{COMMANDS}.ui:roles"),
    "Keep": (f"{COMMANDS}.backup:backup", f"{COMMANDS}.backup:restore"),
    "See": (
        f"{COMMANDS}.demo:demo",
        f"{COMMANDS}.ui:ui",
        f"{COMMANDS}.ui:dashboard",
        f"{COMMANDS}.ui:env",
        f"{COMMANDS}.watch:prepare",
        f"{COMMANDS}.watch:metrics",
        f"{COMMANDS}.watch:docs",
    ),
}
Verbs.panels = VERBS

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Prove that invoices are right, then bill from them. Start with [bold]billing demo[/].",
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version  # 50 ms that no other verb needs

        typer.echo(f"billing {version('fusion-billing')}")
        raise typer.Exit


@app.callback()
def billing(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass
