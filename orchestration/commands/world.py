"""up, down, status: the embedded world, for the sources that nobody configured."""

from __future__ import annotations

from collections.abc import Collection

import typer

from connections.postgres import ops_owner
from connections.settings import Settings, Source, load_settings
from orchestration import render
from orchestration.command_error import CommandError
from orchestration.commands.options import Json
from orchestration.warehouse import migrate
from publishers import identities, roles
from publishers.identities import Identity
from sandbox import world as sandbox_world
from sandbox.world import WorldOptions, WorldState

SOURCES: tuple[Source, ...] = ("warehouse", "nexacloud", "odoo")
# Who decides in the examples of the documentation, and in `billing demo`.
PEOPLE = ("Dana Roy", "Alex Kim", "Demo Operator")
Community = typer.Option(False, help="Start an Odoo without Enterprise and without our module.")
Fresh = typer.Option(
    False, help="Throw the old world away first, with its warehouse and decisions."
)


def up(json: Json = False, community: bool = Community, fresh: bool = Fresh) -> None:
    """Start the embedded PostgreSQL, the sample NexaCloud and the Odoo stand-in.

    A source that is configured is left alone, and the others are started beside it.

    Example: [bold]billing up[/]
    """
    settings = load_settings()
    state = start_world(settings, community=community, fresh=fresh, beside=_real(settings))
    _show(state, as_json=json)


def start_world(
    settings: Settings,
    *,
    community: bool = False,
    fresh: bool = False,
    beside: Collection[Source] = (),
) -> WorldState:
    """Bring up the world and its warehouse's schemas, without the sources that it stands beside;
    refuse where another one is real, or where there is nothing to start.
    """
    real = [source for source in _real(settings) if source not in beside]
    if real:
        raise CommandError(
            f"{', '.join(real)} is configured: this is only for where nothing is; unset it"
        )
    wanted = frozenset(SOURCES).difference(beside)
    if not wanted:
        raise CommandError(
            f"{', '.join(SOURCES)} are configured: nothing to start; look with `billing check`"
        )
    options = WorldOptions(
        community=community,
        bin_dir=settings.billing_pg_bin,
        postgres_port=settings.sandbox_postgres_port,
        odoo_build=settings.sandbox_odoo_build,
        odoo_port=settings.sandbox_odoo_port,
        scale=settings.sandbox_scale,
        sources=frozenset[str](wanted),
    )
    begin = sandbox_world.reset if fresh else sandbox_world.up
    with render.stderr.status("starting the embedded world") as spinner:
        state = begin(settings.billing_home, options=options, progress=spinner.update)
        if "warehouse" in wanted:
            spinner.update("warehouse")
            _prepare_warehouse(load_settings(billing_home=settings.billing_home))
    return state


def _prepare_warehouse(settings: Settings) -> None:
    """Schema ops under an owner that nobody logs in as, at this version; people who may decide."""
    login = settings.dsn_parts("warehouse")["user"]
    with ops_owner(settings) as conn:
        roles.separate(conn, login)
    migrate(settings)
    with ops_owner(settings) as conn:
        known = {person.name for person in identities.listed(conn)}
        for name in PEOPLE:
            email = f"{name.lower().replace(' ', '.')}@example.com"
            person = Identity(name, email, identities.ROLES, (login, roles.APPROVER))
            if name not in known:
                identities.add(conn, person)


def down() -> None:
    """Stop the embedded world; its data stay for the next `up`.

    Example: [bold]billing down[/]
    """
    sandbox_world.down(load_settings().billing_home)
    render.stderr.print("stopped")


def status(json: Json = False) -> None:
    """Tell what of the embedded world runs; exit code 0 only when all of it answers.

    Example: [bold]billing status --json[/]
    """
    state = sandbox_world.status(load_settings().billing_home)
    _show(state, as_json=json)
    if not state.is_up:
        raise typer.Exit(1)


def _real(settings: Settings) -> list[Source]:
    return [source for source in SOURCES if _is_real(settings, source)]


def _is_real(settings: Settings, source: Source) -> bool:
    given = settings.odoo_url if source == "odoo" else getattr(settings, f"{source}_dsn")
    return bool(given) and not settings.is_sandbox(source)


def _show(state: WorldState, *, as_json: bool) -> None:
    parts = [
        {"part": "postgres", "runs": state.postgres_pid is not None, "where": state.warehouse_dsn},
        {"part": "nexacloud", "runs": state.postgres_pid is not None, "where": state.nexacloud_dsn},
        {"part": "odoo", "runs": state.odoo_pid is not None, "where": state.odoo_url},
    ]
    parts = [part if part["where"] else {**part, "runs": False} for part in parts]
    if as_json:
        render.print_json({"is_up": state.is_up, "home": str(state.home), "parts": parts})
    else:
        render.stdout.print(render.table("The embedded world", parts, ["part", "runs", "where"]))
