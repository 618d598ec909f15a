"""Options that several verbs share, so that they are spelled and explained alike."""

from __future__ import annotations

import re
from typing import Annotated

import typer


def month(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[12][0-9]{3}-(0[1-9]|1[0-2])", text):
        raise typer.BadParameter("a period is a month, as in 2026-05")
    return text


Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Period = Annotated[
    str | None,
    typer.Option(
        help="The month in which the service period begins, in the service's time zone: 2026-05."
        " An adjustment or credit belongs to the period that it corrects.",
        callback=month,
    ),
]
Service = Annotated[str | None, typer.Option(help="Only this service: nexacloud.")]
Subscription = Annotated[
    str | None,
    typer.Option(help="Only this subscription: its external id, or the beginning of it."),
]
Customer = Annotated[str | None, typer.Option(help="Only this external customer id.")]
By = Annotated[str, typer.Option(help="Who decides: your name. It is kept for ever.")]
Why = Annotated[str, typer.Option(help="Why: one sentence for whoever asks later.")]
Go = Annotated[bool, typer.Option("--go", help="Do it. Without it, only show what would be done.")]
