"""explain: where a line's amount comes from, for an auditor."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from connections.settings import load_settings
from orchestration import render
from orchestration.command_error import CommandError
from orchestration.commands.options import Json
from orchestration.queries import Row, how_many, reading, select

_STORY = "select * from {serving}.rpt_line_story where starts_with(line_key, %(beginning)s) limit 2"
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
FIRST = ("rule", "full_start", "full_end", "start", "end", "at", "usage")
Key = Annotated[str, typer.Argument(help="A line key, or its beginning: see `billing lines`.")]


def explain(line_key: Key, json: Json = False) -> None:
    """Tell how a line came to be: period, plan, price and its source, usage, rounding, rule.

    Example: [bold]billing explain 3fa1c2[/]
    """
    settings = load_settings()
    with reading(settings) as conn:
        found = select(conn, settings, _STORY, {"beginning": line_key})
    if len(found) != 1:
        raise CommandError(how_many(line_key, found, "line", "billing lines"))
    if json:
        render.print_json(as_json(found[0]))
    else:
        _show(found[0])


def as_json(row: Row) -> dict[str, Any]:
    """The story for machines: the rounded amount in its currency's decimals, all else exact."""
    return {
        name: render.money(value, row["currency"]) if name == "amount" else value
        for name, value in row.items()
    }


def _show(row: Row) -> None:
    zone = ZoneInfo(row["period"]["time_zone"])
    told = [
        {"what": name.replace("_", " "), "value": _in_words(value, zone)}
        for name, value in as_json(row).items()
        if value not in (None, [], {})
    ]
    title = f"Line {row['line_key']} (times of {zone.key})"
    render.stdout.print(render.table(title, told, ["what", "value"]))


def _in_words(value: object, zone: ZoneInfo) -> object:
    """Nested facts on lines of their own, times on the service's clock, a list's entries below."""
    if isinstance(value, list):
        return "\n".join(str(_in_words(entry, zone)).replace("\n", ", ") for entry in value)
    if isinstance(value, dict):
        return "\n".join(
            f"{name.replace('_', ' ')}: {_in_words(value[name], zone)}"
            for name in sorted(value, key=_order)
            if value[name] not in (None, [], {})
        )
    if isinstance(value, str) and ISO_TIME.fullmatch(value):
        value = datetime.fromisoformat(value)
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value


def _order(name: str) -> tuple[int, str]:
    """A span begins before it ends; the rest by name."""
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)
