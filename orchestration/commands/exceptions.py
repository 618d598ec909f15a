"""exceptions: what a person has to look at, and the word that somebody did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from psycopg2.extensions import connection

from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.command_error import CommandError
from orchestration.commands.options import Json, Service
from orchestration.queries import Row, how_many, reading, select
from publishers import gates

_EXCEPTIONS = """
    select *
    from {serving}.fct_billing_exceptions
    where (%(service)s is null or service = %(service)s) and (%(every)s or is_open)
    order by is_blocking desc, stake_amount desc nulls last, exception_key
"""
Acknowledge = Annotated[
    str | None, typer.Option(metavar="KEY", help="You have seen it: its key, or the beginning.")
]
Until = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Until when; else while its facts hold."),
]
Every = Annotated[bool, typer.Option("--all", help="Acknowledged ones too.")]
Name = Annotated[str, typer.Option("--by", help="Who has seen it: your name.")]
Reason = Annotated[str, typer.Option("--why", help="Why it may wait: one sentence.")]


def exceptions(
    acknowledge: Acknowledge = None,
    until: Until = None,
    service: Service = None,
    every: Every = False,
    by: Name = "",
    why: Reason = "",
    json: Json = False,
) -> None:
    """List what a person has to look at; a blocking one holds its subscription's lines back.

    Example: [bold]billing exceptions --acknowledge 9c1f --by "Dana Roy" --why "known"[/]
    """
    settings = load_settings()
    with reading(settings) as conn:
        if acknowledge:
            _acknowledge(conn, settings, acknowledge, until, by, why)
        rows = select(conn, settings, _EXCEPTIONS, {"service": service, "every": every})
    if json:
        render.print_json([_as_json(row) for row in rows])
    else:
        _show(rows)


def _acknowledge(
    conn: connection, settings: Settings, beginning: str, until: datetime | None, by: str, why: str
) -> None:
    if not by.strip() or not why.strip():
        raise typer.BadParameter("say who has seen it and why: --by NAME --why SENTENCE")
    known = select(conn, settings, _EXCEPTIONS, {"service": None, "every": True})
    found = [row for row in known if row["exception_key"].startswith(beginning)]
    if len(found) != 1:
        verb = "billing exceptions --all"
        raise CommandError(how_many(beginning, found, "exception", verb))
    gates.acknowledge_exception(
        conn,
        exception_key=found[0]["exception_key"],
        facts_hash=found[0]["facts_hash"],
        by=by,
        until=until.replace(tzinfo=UTC) if until else None,
        note=why,
        marts=settings.schema("marts"),
    )
    render.stderr.print(f"noted: {found[0]['description']}", highlight=False, markup=False)


def _as_json(row: Row) -> Row:
    stake = row["stake_amount"]
    return {**row, "stake_amount": render.money(stake, row["currency"] or "")}


def _show(rows: list[Row]) -> None:
    shown = [{**_as_json(row), "key": row["exception_key"][:8]} for row in rows]
    columns = ["key", "severity", "is_blocking", "customer_name", "description", "stake_amount"]
    caption = f"{sum(row['is_blocking'] and row['is_open'] for row in rows)} block something"
    render.stdout.print(
        render.table("Exceptions", shown, [*columns, "owner", "what_to_do"], caption=caption)
    )
