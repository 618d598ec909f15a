"""ui, env: Dagster's pages, and the environment for those who run dbt by hand."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from connections.settings import load_settings
from orchestration import dbt, render
from orchestration.instance import dagster_home
from orchestration.names import DEFINITIONS

Port = Annotated[int, typer.Option(help="The port on this machine.")]
Host = Annotated[str, typer.Option(help="The address to listen on; it has no login.")]


def ui(port: Port = 3000, host: Host = "127.0.0.1") -> None:
    """Open Dagster's pages: assets, lineage, runs, checks. Ctrl-C ends them.

    Example: [bold]billing ui --port 3001[/]
    """
    settings = load_settings()
    render.stderr.print("parsing the dbt project", style="dim")
    dbt.prepare(settings)
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings.billing_home))
    os.environ["BILLING_HOME"] = str(settings.billing_home)
    dagster = str(Path(sys.executable).parent / "dagster")
    os.chdir(dbt.REPOSITORY)
    render.stderr.print(f"Dagster on http://{host}:{port}", highlight=False)
    os.execv(dagster, [dagster, "dev", "-m", DEFINITIONS, "-h", host, "-p", str(port)])


def env() -> None:
    """Print the variables that dbt and Dagster read, the warehouse's password among them.

    Example: [bold]eval "$(billing env)" && dbt build --select fct_invoice_lines[/]
    """
    settings = load_settings()
    variables = settings.dbt_environment() | {
        "DAGSTER_HOME": str(dagster_home(settings.billing_home)),
        "DBT_PROFILES_DIR": str(dbt.PROJECT_FOLDER),
        "DBT_TARGET_PATH": str(dbt.target_folder(settings)),
        "BILLING_AS_OF": settings.as_of.isoformat(),
    }
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
