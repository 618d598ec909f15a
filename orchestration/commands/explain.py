"""explain: where a line's amount comes from, for an auditor."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from connections.postgres import warehouse
from connections.settings import load_settings
from orchestration import render
from orchestration.commands.options import Json
from orchestration.errors import CommandError
from orchestration.queries import Row, select

_STORY = "select * from {marts}.rpt_line_story where starts_with(line_key, %(beginning)s) limit 2"
Key = Annotated[str, typer.Argument(help="A line key, or its beginning: see `billing lines`.")]


def explain(line_key: Key, json: Json = False) -> None:
    """Tell how a line came to be: period, plan, price and its source, usage, rounding, rule.

    Example: [bold]billing explain 3fa1c2[/]
    """
    settings = load_settings()
    with warehouse(settings) as conn:
        found = select(conn, settings, _STORY, {"beginning": line_key})
    if len(found) != 1:
        how_many = "no line" if not found else "several lines"
        raise CommandError(f"{line_key} begins {how_many}: `billing lines` lists their keys")
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
    told = [
        {"what": name.replace("_", " "), "value": _in_words(value)}
        for name, value in as_json(row).items()
        if value not in (None, [], {})
    ]
    render.stdout.print(render.table(f"Line {row['line_key']}", told, ["what", "value"]))


def _in_words(value: object) -> object:
    """Nested facts on lines of their own, a list's entries one below the other."""
    if isinstance(value, list):
        return "\n".join(str(_in_words(entry)).replace("\n", ", ") for entry in value)
    if isinstance(value, dict):
        return "\n".join(
            f"{name.replace('_', ' ')}: {_in_words(inner)}"
            for name, inner in value.items()
            if inner not in (None, [], {})
        )
    return value
