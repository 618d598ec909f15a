"""identities: the people who may decide, and the database users that speak for them."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from connections.postgres import ops_owner
from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.commands.options import Json
from publishers import identities as people
from publishers import roles
from publishers.identities import Identity

LISTS = ("roles", "database_users")
Action = Annotated[Literal["list", "add", "disable"], typer.Argument(help="What to do.")]
Name = Annotated[str | None, typer.Argument(help="The person: a name, or an e-mail to disable.")]
Email = Annotated[str, typer.Option(help="The address that the sign-in of the pages gives.")]
Role = Annotated[
    list[str] | None, typer.Option(help="approver (the default), policy_owner; may be repeated.")
]
User = Annotated[
    list[str] | None,
    typer.Option(help="A database user that speaks for them; default: those of verbs and pages."),
]


def identities(
    action: Action = "list",
    name: Name = None,
    email: Email = "",
    role: Role = None,
    user: User = None,
    json: Json = False,
) -> None:
    """List who may decide; add a person, or give one other roles or users; disable one.

    Example: [bold]billing identities add "Dana Roy" --email dana.roy@example.com[/]
    """
    settings = load_settings()
    if action != "list" and not name:
        raise typer.BadParameter(f"say whom to {action}")
    with ops_owner(settings) as conn:
        if action == "add":
            users = tuple(user or default_users(settings))
            people.add(conn, Identity(str(name), email, tuple(role or ("approver",)), users))
        elif action == "disable":
            people.disable(conn, str(name))
        rows = [vars(person) for person in people.listed(conn)]
    if json:
        render.print_json(rows)
    else:
        shown = [{**row, **{name: ", ".join(row[name]) for name in LISTS}} for row in rows]
        columns = ["name", "email", "roles", "database_users", "is_active"]
        render.stdout.print(render.table("Who may decide", shown, columns))


def default_users(settings: Settings) -> list[str]:
    """The login of the verbs, and the one with which the pages write decisions."""
    verbs = settings.dsn_parts("warehouse").get("user", "")
    is_known = settings.dashboard_approver_dsn or settings.is_sandbox("warehouse")
    return [verbs, _page_user(settings)] if is_known else [verbs]


def _page_user(settings: Settings) -> str:
    from psycopg2.extensions import parse_dsn

    return str(parse_dsn(settings.page_dsn("approver")).get("user", roles.APPROVER))
