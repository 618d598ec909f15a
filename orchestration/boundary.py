"""The group of verbs: each is imported only when it runs, and errors of ours end here.

Flows in: a table of verbs, `module:function`. Flows out: `billing --help` without an import of a
verb; an error of ours as one message on stderr that names the thing and how to fix it, exit code 1.
An error that is not ours is a defect and keeps its traceback.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

Panels = Mapping[str, tuple[str, ...]]


class Verbs(TyperGroup):
    """The verbs in the order in which they are listed: the order of a day's work."""

    panels: ClassVar[Panels] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {
            verb_name(target): _listed(panel, target)
            for panel, targets in self.panels.items()
            for target in targets
        }
        self._targets = {
            verb_name(target): target for targets in self.panels.values() for target in targets
        }

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Only text goes further; an empty one is a variable that the shell did not know."""
        for number, arg in enumerate(args, start=1):
            if not arg:
                raise typer.BadParameter(f"argument {number} is empty: write it or leave it out")
            if "\0" in arg or any("\ud800" <= letter <= "\udfff" for letter in arg):
                raise typer.BadParameter(f"argument {number} is not UTF-8 text")
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that is meant, imported now."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, _command(self._targets[name]) if name and listed else None, rest

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 (typer's signature)
        """The list of verbs by panel; typer's own would import a Markdown renderer for it."""
        from rich.console import Console
        from rich.panel import Panel
        from rich.table import Table

        console = Console()
        console.print(f"\n [bold]Usage:[/] {ctx.command_path} [OPTIONS] VERB [ARGS]...\n")
        console.print(f" {self.help}\n")
        options = [param.get_help_record(ctx) for param in self.get_params(ctx)]
        verbs = {
            panel: [
                (name, self.commands[name].get_short_help_str(500))
                for name in map(verb_name, targets)
            ]
            for panel, targets in self.panels.items()
        }
        for title, rows in ({"Options": [row for row in options if row]} | verbs).items():
            table = Table.grid("", "", padding=(0, 2), pad_edge=True)
            for name, text in rows:
                table.add_row(f"[bold cyan]{name}[/]", text)
            console.print(Panel(table, title=title, title_align="left", border_style="dim"))

    def invoke(self, ctx: Any) -> object:
        """Run the verb; an error of ours becomes a sentence and exit code 1."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except _ours() as error:  # the tuple is imported only where something was raised
            from orchestration.errors import sentence
            from orchestration.render import escape, stderr

            stderr.print(f"[bold red]error[/] {escape(sentence(error))}", highlight=False)
            raise typer.Exit(1) from None


def verb_name(target: str) -> str:
    """`orchestration.commands.what_if:what_if` -> `what-if`; `import_` -> `import`."""
    return target.rsplit(":", 1)[1].rstrip("_").replace("_", "-")


def _ours() -> tuple[type[Exception], ...]:
    from orchestration.errors import OURS

    return OURS


def _command(target: str) -> Any:
    one = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    one.command(verb_name(target))(callback_of(target))
    return typer.main.get_command(one)


def _listed(panel: str, target: str) -> TyperCommand:
    """A line of the list of verbs: its function's docstring, read and not imported."""
    module, function = target.split(":")
    source = Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
    text = re.search(
        rf'^def {function}\(.*?"""(.*?)\n', source.read_text(), re.DOTALL | re.MULTILINE
    )
    if text is None:
        raise LookupError(f"{target} names no function with a docstring")
    return TyperCommand(verb_name(target), help=text[1].strip('"'), rich_help_panel=panel)


def callback_of(target: str) -> Any:
    """The function behind a verb, for whoever wants to look at all of them."""
    module, function = target.split(":")
    return getattr(importlib.import_module(module), function)
