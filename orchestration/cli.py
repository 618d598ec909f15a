"""The command line: `billing`, for people and for cron.

Flows in: arguments. Flows out: tables for people, `--json` for machines, exit code 0 only when all
is well (1: something is wrong and was named; 2: the command was written wrong). The outermost
boundary for errors of ours is here: one message, no traceback.
"""

from __future__ import annotations

import typer

from orchestration.boundary import Verbs
from orchestration.commands import (
    data,
    demo,
    events,
    exceptions,
    explain,
    lines,
    policy,
    publish,
    readiness,
    reconcile,
    review,
    run,
    ui,
    what_if,
    world,
)

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Prove that invoices are right, then bill from them. Start with [bold]billing demo[/].",
)

VERBS = {
    "The embedded world": (world.up, world.down, world.status),
    "Sources and warehouse": (data.check, data.migrate, data.load, run.run),
    "Prove": (
        reconcile.reconcile,
        exceptions.exceptions,
        readiness.readiness,
        explain.explain,
        what_if.what_if,
    ),
    "Bill": (
        lines.lines,
        review.approve,
        review.reject,
        review.revoke,
        review.credit,
        policy.policy,
        publish.publish,
        publish.release,
        publish.restore_ledger,
        events.events,
    ),
    "See": (demo.demo, ui.ui, ui.dashboard, ui.roles, ui.env),
}
for panel, verbs in VERBS.items():
    for verb in verbs:
        app.command(rich_help_panel=panel)(verb)
