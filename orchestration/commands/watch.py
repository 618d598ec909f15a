"""prepare, metrics, docs: what a deployment calls before it starts, is watched and read by."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from connections.settings import load_settings
from orchestration import dbt, render


def prepare() -> None:
    """Parse the dbt project for Dagster: once after each change, before its processes start.

    Example: [bold]billing prepare && dagster-webserver -m orchestration.definitions[/]
    """
    manifest = dbt.prepare(load_settings())
    render.stderr.print(f"the dbt project is parsed: {manifest}", highlight=False)


def metrics() -> None:
    """Print figures for monitoring as OpenMetrics text: ages, verdicts, amounts, counts.

    Example: [bold]billing metrics > /var/lib/node_exporter/textfile/billing.prom[/]
    """
    from orchestration.metrics import open_metrics

    typer.echo(open_metrics(load_settings()), nl=False)


def docs(
    file: Annotated[
        Path, typer.Argument(help="Where: one page of HTML that needs no server.")
    ] = Path("dbt-docs.html"),
) -> None:
    """Write dbt's documentation of every model and column as one file; no warehouse is asked.

    Example: [bold]billing docs warehouse.html[/]
    """
    settings = load_settings()
    dbt.prepare(settings)
    dbt.run(settings, "docs", "generate", "--static", "--empty-catalog", "--no-compile")
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(dbt.target_folder(settings) / "static_index.html", file)
    render.stderr.print(f"{file} is written", highlight=False)
