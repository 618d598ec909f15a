"""policy: rules by which lines may be approved without a person, or only by two."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from connections.postgres import warehouse
from connections.settings import load_settings
from orchestration import render
from orchestration.commands.options import Json, Service
from orchestration.queries import select
from publishers import policies
from publishers.policies import Policy

_POLICIES = """
    select
        policy_version, service, currency, is_automatic, within_percent, four_eyes_amount,
        policy_id in (select policy_id from ops.policies_in_force) as is_in_force,
        decided_by, decided_at, note
    from ops.approval_policies
    order by policy_id desc
"""


def _number(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text} is no number: write it as in 12.50") from None


Version = Annotated[str | None, typer.Option("--set", metavar="VERSION", help="Put one in force.")]
Currency = Annotated[str, typer.Option(help="Its amounts' currency.")]
Within = Annotated[
    str | None,
    typer.Option(help="Approve a line within so many percent of the last billed amount."),
]
FourEyes = Annotated[str | None, typer.Option(help="From this amount on two people must approve.")]
Replaces = Annotated[
    list[str] | None,
    typer.Option(metavar="VERSION", help="It replaces this one; without it, both count."),
]
Apply = Annotated[bool, typer.Option("--apply", help="Approve now what the policies allow.")]
Name = Annotated[str, typer.Option("--by", help="Who puts it in force: your name.")]
Reason = Annotated[str, typer.Option("--why", help="Why: one sentence.")]


def policy(
    version: Version = None,
    currency: Currency = "CAD",
    service: Service = None,
    within_percent: Within = None,
    four_eyes: FourEyes = None,
    replaces: Replaces = None,
    apply: Apply = False,
    by: Name = "",
    why: Reason = "",
    json: Json = False,
) -> None:
    """Show the approval policies; put one in force; approve what they allow. By default none is.

    Of all that are in force the strictest counts; only --replaces takes one out of force.

    Example: [bold]billing policy --set 2026-06 --four-eyes 5000 --by "Dana Roy" --why "auditors"[/]
    """
    settings = load_settings()
    within, two_from = _number(within_percent), _number(four_eyes)
    with warehouse(settings) as conn:
        if version:
            rule = Policy(
                policy_version=version,
                currency=currency,
                service=service,
                is_automatic=within is not None,
                within_percent=within,
                four_eyes_amount=two_from,
                replaces=tuple(replaces or ()),
            )
            policies.set_policy(conn, rule, by=by, note=why or None)
        if apply:
            done = policies.approve_automatically(conn, settings.schema("marts"))
            render.stderr.print(f"{len(done.written)} lines approved by policy", highlight=False)
        rows = select(conn, settings, _POLICIES)
    if json:
        render.print_json(rows)
    else:
        render.stdout.print(render.table("Approval policies", rows, list(rows[0]) if rows else []))
