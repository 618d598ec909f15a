"""report: the month-end sheet as XLSX and PDF, written to files or sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connections.months import first_day
from connections.settings import load_settings
from orchestration import render, reports
from orchestration.commands.options import month
from orchestration.warehouse import migrate

Month = Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month.", callback=month)]
Xlsx = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the workbook here.")]
Pdf = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the PDF here.")]
Send = Annotated[bool, typer.Option("--send", help="To REPORT_FOLDER and by mail to REPORT_TO.")]


def report(month: Month, xlsx: Xlsx = None, pdf: Pdf = None, send: Send = False) -> None:
    """The month-end sheet as files, to the cent that of the page; `--send` lets it leave.

    Example: [bold]billing report 2026-05 --xlsx may.xlsx --pdf may.pdf[/]
    """
    if not (xlsx or pdf or send):
        raise typer.BadParameter("say where to: --xlsx FILE, --pdf FILE or --send")
    first = first_day(month)
    assert first is not None
    settings = load_settings()
    migrate(settings)
    files = reports.made(settings, first)
    went = [
        f"into {reports.write(path, content)}"
        for path, content in ((xlsx, files.xlsx), (pdf, files.pdf))
        if path
    ]
    if send:
        went += reports.deliver(settings, files)
    for each in went:
        render.stdout.print(f"{files.title} {each}", highlight=False, soft_wrap=True)
