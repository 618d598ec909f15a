"""close-month: keep what is true of a month now, and show later what differs from it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connections.months import first_day
from connections.settings import load_settings
from orchestration import render
from orchestration.commands.options import Go, Json, month
from orchestration.queries import reading
from orchestration.warehouse import migrate
from publishers import closings
from publishers.closings import MonthSeen
from publishers.month_end import PARTS

Month = Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month.", callback=month)]
Name = Annotated[str, typer.Option("--by", help="Who closes: your name. It is kept for ever.")]
Despite = Annotated[
    str | None,
    typer.Option(metavar="REASON", help="Close it although something waits: say why that may be."),
]
Note = Annotated[str | None, typer.Option("--note", help="A sentence for whoever asks later.")]
# The parts that a terminal shows; all of them are kept.
SHOWN = ("sides", "lines", "documents")


def close_month(
    month: Month,
    go: Go = False,
    by: Name = "",
    despite: Despite = None,
    note: Note = None,
    json: Json = False,
) -> None:
    """Close a month: keep its sums, build, decisions, who and when. Of a closed one, what differs.

    Exit code 1 where something waits, or a closed month's figures are others now.

    Example: [bold]billing close-month 2026-05 --go --by "Dana Roy"[/]
    """
    if go and not by.strip():
        raise typer.BadParameter("say who closes: --by NAME")
    first = first_day(month)
    assert first is not None
    settings = load_settings()
    migrate(settings)
    marts = settings.schema("marts")
    with reading(settings) as conn:
        if go:
            seen = closings.close(conn, marts, first, by=by, despite=despite, note=note)
        else:
            seen = closings.look(conn, marts, first)
    answer = as_json(seen, is_done=go)
    if json:
        render.print_json(answer)
    else:
        show(seen)
    if not answer["is_ok"]:
        raise typer.Exit(1)


def as_json(seen: MonthSeen, *, is_done: bool) -> dict[str, Any]:
    """The machine's answer; `sheet` is today's, `closed` what is kept."""
    closed, differences = seen.closed, [each.as_row() for each in seen.differences]
    return {
        "month": f"{seen.month:%Y-%m}",
        "is_ok": is_done or not (differences if closed else seen.waiting),
        "build": {"id": seen.build.build_id, "as_of": seen.build.as_of},
        "closed": closed
        and {
            "by": closed.closed_by,
            "at": closed.closed_at,
            "build": {"id": closed.build_id, "as_of": closed.as_of, "status": closed.build_status},
            "waited": closed.waited,
            "despite": closed.despite,
            "note": closed.note,
            "sheet": closed.sheet,
        },
        "waiting": [each.sentence for each in seen.waiting],
        "differences": differences,
        "sheet": closings.kept(seen.sheet),
    }


def show(seen: MonthSeen) -> None:
    """The sums, then what waits; of a closed month what differs since."""
    for part in PARTS:
        if part.name in SHOWN:
            columns = [*part.keys, *(each.name for each in part.figures)]
            title = f"{part.title} of {seen.month:%Y-%m}"
            render.stdout.print(render.table(title, seen.sheet[part.name], columns))
    if seen.closed is not None:
        _say(render.escape(seen.closed.sentence))
        _show_differences(seen)
        return
    for each in seen.waiting:
        _say(f"[yellow]waits[/] {render.escape(each.sentence)}")
    said = "is not closed, something waits" if seen.waiting else "may be closed"
    _say(f"{seen.month:%Y-%m} {said}; dry run, nothing was kept (close it: add --go)")


def _show_differences(seen: MonthSeen) -> None:
    rows = [each.as_row() for each in seen.differences]
    if rows:
        render.stdout.print(render.table("Since it was closed", rows, list(rows[0])))
    else:
        _say("[green]nothing differs since[/]")


def _say(text: str) -> None:
    render.stdout.print(text, highlight=False)
