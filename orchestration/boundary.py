"""Where errors of ours end: one message on stderr that names the thing and the mend, exit code 1.

An error that is not ours is a defect and keeps its traceback.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from orchestration.errors import OURS, sentence
from orchestration.render import escape, stderr


class Verbs(TyperGroup):
    """The group of verbs, in the order in which they are registered: the order of a day's work."""

    def invoke(self, ctx: Any) -> object:
        """Run the verb; an error of ours becomes a sentence and exit code 1."""
        try:
            return super().invoke(ctx)
        except OURS as error:
            stderr.print(f"[bold red]error[/] {escape(sentence(error))}", highlight=False)
            raise typer.Exit(1) from None
