"""prepare and metrics: what a deployment calls before it starts, and what it is watched by."""

from __future__ import annotations

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
