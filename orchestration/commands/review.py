"""approve, reject, revoke, credit: people decide about lines, by name, at a content hash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer
from psycopg2.extensions import connection

from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import render
from orchestration.command_error import CommandError
from orchestration.commands.lines import proposed_lines
from orchestration.commands.options import By, Customer, Json, Period, Service, Subscription, Why
from orchestration.queries import Filters, how_many, reading, whole_id
from publishers import approvals, credits
from publishers.approvals import Decisions, ProposedLine
from publishers.lines import Filters as LineFilters

Keys = Annotated[list[str] | None, typer.Argument(help="Line keys, or their beginnings.")]
Every = Annotated[bool, typer.Option("--all", help="All lines that the filters leave.")]
Verb = Callable[..., Decisions]


def approve(
    by: By,
    keys: Keys = None,
    every: Every = False,
    period: Period = None,
    service: Service = None,
    subscription: Subscription = None,
    customer: Customer = None,
    why: Why = "",
    json: Json = False,
) -> None:
    """Approve lines at the content that they have now; a line that changes wants a new approval.

    Example: [bold]billing approve --period 2026-05 --all --by "Dana Roy" --why "May is right"[/]
    """
    filters = Filters(period, service, subscription, customer)
    _decide(approvals.approve, keys or [], filters, every, by=by, why=why, as_json=json)


def reject(by: By, why: Why, keys: Keys = None, json: Json = False) -> None:
    """Refuse lines; approvals given before no longer count.

    Example: [bold]billing reject 3fa1c2 --by "Dana Roy" --why "the quota was doubled by phone"[/]
    """
    _decide(approvals.reject, keys or [], Filters(), every=False, by=by, why=why, as_json=json)


def revoke(by: By, why: Why, keys: Keys = None, json: Json = False) -> None:
    """Take approvals back, as long as the lines are in no document.

    Example: [bold]billing revoke 3fa1c2 --by "Dana Roy" --why "approved too early"[/]
    """
    _decide(approvals.revoke, keys or [], Filters(), every=False, by=by, why=why, as_json=json)


def credit(
    key: Annotated[str, typer.Argument(help="The published line's key.")],
    by: By,
    why: Why,
    amount: Annotated[
        str | None, typer.Option(help="Net of tax; the whole line if left out.")
    ] = None,
) -> None:
    """Ask for a credit of a published line. It is a line of its own: approve it, then publish.

    Example: [bold]billing credit 3fa1c2 --amount 12.50 --by "Dana Roy" --why "an outage"[/]
    """
    with warehouse(load_settings()) as conn:
        asked = None if amount is None else _amount(amount)
        line_key = credits.credit(conn, key, by=by, amount=asked, note=why)
    render.stdout.print(f"asked for; approve it with: billing approve {line_key[:12]} --by NAME")


def approvable(conn: connection, settings: Settings, filters: Filters) -> list[ProposedLine]:
    """The lines that nothing but an approval keeps from being published."""
    keys = tuple(
        row["line_key"]
        for row in proposed_lines(conn, settings, filters)
        if row["approvable"] and not row["approved"]
    )
    if not keys:
        return []
    return approvals.select_lines(conn, LineFilters(line_keys=keys), settings.schema("marts"))


def named(conn: connection, settings: Settings, beginnings: Sequence[str]) -> list[ProposedLine]:
    """The lines that the beginnings of keys name, each exactly one; credits included."""
    known = approvals.select_lines(conn, LineFilters(), settings.schema("marts"))
    chosen = []
    for beginning in beginnings:
        found = [line for line in known if line.line_key.startswith(beginning)]
        if len(found) != 1:
            raise CommandError(how_many(beginning, found, "line", "billing lines --json"))
        chosen.append(found[0])
    return chosen


def _decide(
    verb: Verb,
    keys: Sequence[str],
    filters: Filters,
    every: bool,
    *,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    if bool(keys) == every:
        raise typer.BadParameter("name lines by their keys, or say --all with filters; not both")
    settings = load_settings()
    with reading(settings) as conn:
        whom = whole_id(conn, settings, filters.subscription)
        filters = replace(filters, subscription=whom)
        lines = approvable(conn, settings, filters) if every else named(conn, settings, keys)
        decided = verb(conn, lines, by=by, note=why or None, schema=settings.schema("marts"))
    if as_json:
        render.print_json(_answer(lines, decided))
    else:
        _show(lines, decided)
    if decided.refused:
        raise typer.Exit(1)


def _answer(lines: Sequence[ProposedLine], decided: Decisions) -> dict[str, Any]:
    return {
        "written": decided.written,
        "unchanged": decided.unchanged,
        "refused": decided.refused,
        "amounts": _amounts(lines, decided.written),
    }


def _amounts(lines: Sequence[ProposedLine], written: Sequence[str]) -> list[dict[str, Any]]:
    """What was decided about, summed by currency."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        if line.line_key in written:
            sums[line.currency] = sums.get(line.currency, Decimal(0)) + line.amount
    return [
        {"currency": currency, "amount": render.money(amount, currency)}
        for currency, amount in sorted(sums.items())
    ]


def _show(lines: Sequence[ProposedLine], decided: Decisions) -> None:
    sums = ", ".join(f"{e['amount']} {e['currency']}" for e in _amounts(lines, decided.written))
    render.stdout.print(
        f"{len(decided.written)} lines written{f' ({sums})' if sums else ''},"
        f" {len(decided.unchanged)} said so already, {len(decided.refused)} refused",
        highlight=False,
    )
    for key, reason in decided.refused.items():
        render.stdout.print(f"  [red]refused[/] {key[:8]}: {reason}", highlight=False)


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text} is no amount: write it as in 12.50") from None
