"""readiness: who may move to Odoo, who said so, and from which period on."""

from __future__ import annotations

from typing import Annotated

import typer
from psycopg2.extensions import connection

from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.command_error import CommandError
from orchestration.commands.options import Json, Period, Service, month
from orchestration.decisions import Decision, accept_causes, find, open_gates, subscriptions
from orchestration.queries import Filters, Row, reading, whole_id
from publishers import gates

READY, EXPLAINED = "ready", "explained"
Open = Annotated[
    str | None, typer.Option("--open", metavar="SUBSCRIPTION|ready", help="Open gates, by name.")
]
Close = Annotated[str | None, typer.Option("--close", metavar="SUBSCRIPTION", help="Close one.")]
Accept = Annotated[
    str | None,
    typer.Option("--accept", metavar="SUBSCRIPTION|explained", help="Accept explained causes."),
]
From = Annotated[
    str | None,
    typer.Option("--from", help="The first month that Odoo issues: 2026-05.", callback=month),
]
Name = Annotated[str, typer.Option("--by", help="Who decides: your name. It is kept for ever.")]
Reason = Annotated[str, typer.Option("--why", help="Why: one sentence for whoever asks later.")]
Anyway = Annotated[bool, typer.Option("--even-if-not-ready", help="Open it all the same.")]


def readiness(
    open_: Open = None,
    close: Close = None,
    accept: Accept = None,
    from_month: From = None,
    period: Period = None,
    service: Service = None,
    by: Name = "",
    why: Reason = "",
    anyway: Anyway = False,
    json: Json = False,
) -> None:
    """Show who is ready to move; accept explained causes; open and close gates.

    Example: [bold]billing readiness --open ready --from 2026-05 --by "Dana Roy" --why "agrees"[/]
    """
    settings = load_settings()
    with reading(settings) as conn:
        decided: list[Row] = []
        if accept:
            decided += _accept(conn, settings, accept, period, _decision(by, why))
        if open_:
            decided += _open(conn, settings, open_, from_month, _decision(by, why), anyway)
        if close:
            decided += _close(conn, settings, close, _decision(by, why))
        rows = subscriptions(conn, settings, service)
    if json:
        render.print_json({"rows": rows})
    elif accept or open_ or close:
        touched = {row["external_subscription_id"] for row in decided}
        show([row for row in rows if row["external_subscription_id"] in touched], "Decided")
    else:
        show(rows)


def show(rows: list[Row], title: str = "Readiness") -> None:
    """Print the gates of each subscription, ready ones first."""
    gates = [name for name in rows[0] if name.startswith(("is_", "has_"))] if rows else []
    shown = [
        {
            "subscription": row["external_subscription_id"][:8],
            "customer": row["customer_name"],
            **{name.partition("_")[2]: row[name] for name in gates},
            "missing": row["missing"],
        }
        for row in rows
    ]
    hidden = [] if any(row["missing"] for row in rows) else ["missing"]
    columns = [name for name in shown[0] if name not in hidden] if shown else []
    ready = sum(bool(row["is_ready"]) for row in rows)
    caption = f"{ready} of {len(rows)} are ready"
    render.stdout.print(render.table(title, shown, columns, caption=caption))


def _accept(
    conn: connection, settings: Settings, whom: str, period: str | None, decision: Decision
) -> list[Row]:
    subscription = None if whom == EXPLAINED else whole_id(conn, settings, whom)
    filters = Filters(period=period, subscription=subscription)
    accepted = accept_causes(conn, settings, filters, decision)
    render.stderr.print(f"{len(accepted)} causes accepted by {decision.by}", highlight=False)
    return accepted


def _open(
    conn: connection,
    settings: Settings,
    whom: str,
    from_month: str | None,
    decision: Decision,
    anyway: bool,
) -> list[Row]:
    if from_month is None:
        raise typer.BadParameter("say from which month on: --from 2026-05")
    rows = subscriptions(conn, settings)
    waiting = [row for row in rows if row["is_ready"] and not row["is_gate_open"]]
    chosen = waiting if whom == READY else [find(rows, whom)]
    unready = [row["external_subscription_id"] for row in chosen if not row["is_ready"]]
    if unready and not anyway:
        raise CommandError(
            f"{', '.join(unready)} is not ready: fix what is not, or say --even-if-not-ready"
        )
    opened = open_gates(conn, settings, chosen, from_month, decision)
    render.stderr.print(f"{len(opened)} gates opened by {decision.by}", highlight=False)
    return opened


def _close(conn: connection, settings: Settings, whom: str, decision: Decision) -> list[Row]:
    row = find(subscriptions(conn, settings), whom)
    gates.close_gate(
        conn,
        service=row["service"],
        external_subscription_id=row["external_subscription_id"],
        by=decision.by,
        note=decision.why,
    )
    render.stderr.print(f"the gate of {whom} is closed by {decision.by}", highlight=False)
    return [row]


def _decision(by: str, why: str) -> Decision:
    if not by.strip() or not why.strip():
        raise typer.BadParameter("say who decides and why: --by NAME --why SENTENCE")
    return Decision(by.strip(), why.strip())
