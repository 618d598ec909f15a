"""ui, dashboard, roles, env: the pages, who may open them, and the environment for dbt by hand."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from typing import Annotated

import typer

from connections.places import CODE, PROJECT
from connections.postgres import ops_owner, warehouse
from connections.settings import load_settings
from orchestration import dbt, render
from orchestration.command_error import CommandError
from orchestration.instance import dagster_home, fail_dead_runs, open_instance
from orchestration.names import DEFINITIONS
from publishers import roles as grants

Port = Annotated[int, typer.Option(help="The port on this machine.")]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# Streamlit's own place for the OIDC provider.
SECRETS = PROJECT / ".streamlit" / "secrets.toml"


def ui(port: Port = 3000, host: Host = "127.0.0.1") -> None:
    """Open Dagster's pages: assets, lineage, runs, checks. Ctrl-C ends them.

    Example: [bold]billing ui --port 3001[/]
    """
    settings = load_settings()
    _refuse_taken(host, port, "ui")
    with open_instance(settings.billing_home) as instance:
        fail_dead_runs(instance, settings.billing_home)
    render.stderr.print("parsing the dbt project", style="dim")
    dbt.prepare(settings)
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings.billing_home))
    os.environ["BILLING_HOME"] = str(settings.billing_home)
    os.chdir(PROJECT)
    render.stderr.print(f"Dagster on http://{host}:{port}", highlight=False)
    # `python -m` puts this folder on the path, where dagster.yaml finds our run history's class.
    python = [sys.executable, "-W", "ignore", "-m"]
    words = ["dagster", "dev", "-m", DEFINITIONS, "-h", host, "-p", str(port)]
    if settings.billing_log_format == "json" or not sys.stderr.isatty():
        words += ["--log-format", "json"]  # a file wants no colours
    os.execv(sys.executable, [*python, *words])


def dashboard(port: Port = 8501, host: Host = "127.0.0.1") -> None:
    """Open the finance pages: the month, exceptions, approvals, cutover. Ctrl-C ends them.

    Beyond this machine they want to know who is who: OIDC or a trusted header, see .env.example.

    Example: [bold]billing dashboard --port 8502[/]
    """
    settings = load_settings()
    is_known = settings.dashboard_trusted_user_header or SECRETS.exists()
    if host not in LOOPBACK and not is_known:
        raise CommandError(
            f"{host} is not this machine, and the pages would not know who looks: set"
            " DASHBOARD_TRUSTED_USER_HEADER or [auth] in .streamlit/secrets.toml first"
        )
    _refuse_taken(host, port, "dashboard")
    os.environ["BILLING_HOME"] = str(settings.billing_home)
    os.chdir(PROJECT)
    render.stderr.print(f"finance pages on http://{host}:{port}", highlight=False)
    options = ["--server.address", host, "--server.port", str(port)]
    app = str(CODE / "dashboards" / "app.py")
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", app, *options])


def _refuse_taken(host: str, port: int, verb: str) -> None:
    """Raise CommandError where somebody listens there already: before an address is printed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"{host}:{port} cannot be listened on ({error.strerror}): another `billing {verb}`"
                f" may run there; try --port {port + 1}"
            ) from None


Separate = Annotated[
    bool, typer.Option("--separate", help="Give schema ops an owner that nobody logs in as.")
]
Sql = Annotated[bool, typer.Option("--sql", help="Print the statements of --separate instead.")]


def roles(separate: Separate = False, sql: Sql = False) -> None:
    """Grant each database role what it needs and no more; harmless to repeat.

    Example: [bold]billing roles[/], [bold]billing roles --sql | psql warehouse[/]
    """
    settings = load_settings()
    login = settings.dsn_parts("warehouse").get("user", "postgres")
    if sql:
        typer.echo(grants.separation(login))
        return
    if separate:
        with ops_owner(settings) as conn:
            grants.separate(conn, login)
    with warehouse(settings) as conn:
        grants.grant(conn, settings.schema("marts"))
        with conn.cursor() as cursor:
            owner = grants.ops_owner(cursor)
    with ops_owner(settings) as conn, conn.cursor() as cursor:
        grants.act_as_owner(cursor)
        grants.grant_ops(cursor)
    render.stderr.print(f"{' and '.join(grants.ROLES)} have what they need", highlight=False)
    if owner == login:
        render.stderr.print(
            f"{login} loads, builds, publishes and owns schema ops: it could rewrite history."
            " Let an administrator run `billing roles --separate` (docs/runbook.md)",
            highlight=False,
        )


def env() -> None:
    """Print the variables that dbt and Dagster read, the warehouse's password among them.

    BILLING_AS_OF is the instant of this call where none is set: dbt by hand looks from there.

    Example: [bold]eval "$(billing env)" && dbt build[/]
    """
    settings = load_settings()
    variables = (
        settings.dbt_environment()
        | dbt.build_variables()
        | {
            "DAGSTER_HOME": str(dagster_home(settings.billing_home)),
            "DBT_PROFILES_DIR": str(dbt.PROJECT_FOLDER),
            "DBT_TARGET_PATH": str(dbt.target_folder(settings)),
            "BILLING_AS_OF": settings.as_of.isoformat(),
            "BILLING_SCHEMA_PREFIX": settings.billing_schema_prefix,
        }
    )
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
