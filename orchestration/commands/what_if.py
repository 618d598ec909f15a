"""what-if: the same data under another policy, beside what counts today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

import typer
from psycopg2 import sql
from psycopg2.extensions import connection

from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import dbt, render
from orchestration.commands.options import Json, Period
from orchestration.commands.reconcile import reconciliation
from orchestration.errors import CommandError
from orchestration.queries import Filters
from orchestration.warehouse import only_one

PREFIX = "whatif_"
LAYERS = ("staging", "intermediate", "marts")
# Everything that the reconciliation is computed from; no tests: the question is the numbers.
SELECTION = ("+fct_reconciliation", "+fct_reconciliation_causes", "+fct_one_off_invoices")
BUILD = ("build", "--exclude-resource-type", "unit_test", "test", "snapshot")
Policies = Annotated[
    list[str],
    typer.Option("--policy", metavar="SERVICE.POLICY=VALUE", help="As nexacloud.proration=second."),
]


def what_if(policy: Policies, period: Period = None, json: Json = False) -> None:
    """Rate and reconcile again under another policy, beside the real schemas; change nothing.

    Example: [bold]billing what-if --policy nexacloud.proration=second --period 2026-04[/]
    """
    overrides = _overrides(policy)
    settings = load_settings()
    imagined = settings.model_copy(update={"billing_schema_prefix": PREFIX})
    with warehouse(settings) as conn:
        today = reconciliation(conn, settings, Filters(period=period))
    with _built(settings, imagined, overrides) as conn:
        then = reconciliation(conn, imagined, Filters(period=period))
    if json:
        render.print_json({"policies": overrides, "today": today, "what_if": then})
    else:
        _show(today, then, ", ".join(policy))


@contextmanager
def _built(
    settings: Settings, imagined: Settings, overrides: dict[str, dict[str, str]]
) -> Iterator[connection]:
    """Build under a prefix, give a session, and drop what was built."""
    with only_one(settings, "what-if"):
        try:
            with render.stderr.status("rating under the other policy"):
                dbt.run(imagined, *BUILD, "--select", *SELECTION, policy_overrides=overrides)
            with warehouse(settings) as conn:
                yield conn
        finally:
            with warehouse(settings) as conn, conn.cursor() as cursor:
                for layer in LAYERS:
                    schema = sql.Identifier(PREFIX + layer)
                    cursor.execute(sql.SQL("drop schema if exists {} cascade").format(schema))


def _overrides(policies: Sequence[str]) -> dict[str, dict[str, str]]:
    """nexacloud.proration=second -> {nexacloud: {proration: second}}."""
    given: dict[str, dict[str, str]] = {}
    for text in policies:
        name, equals, value = text.partition("=")
        service, dot, policy = name.partition(".")
        if not (equals and dot and service and policy and value):
            raise typer.BadParameter(f"{text}: write SERVICE.POLICY=VALUE")
        given.setdefault(service, {})[policy] = value
    return given


def _show(today: dict[str, Any], then: dict[str, Any], policies: str) -> None:
    before = {_key(row): row for row in today["rows"]}
    rows = [
        {
            "subscription": row["external_subscription_id"],
            "period": row["period_start_on"],
            "expected": before.get(_key(row), {}).get("expected_amount"),
            "what_if": row["expected_amount"],
            "actual": row["actual_amount"],
            "status": before.get(_key(row), {}).get("status"),
            "status_then": row["status"],
            "currency": row["currency"],
        }
        for row in then["rows"]
    ]
    if not rows:
        raise CommandError("there is nothing to compare: no period has a line or an invoice")
    changes: dict[str, Decimal] = {}
    for row in rows:
        difference = Decimal(row["what_if"] or 0) - Decimal(row["expected"] or 0)
        changes[row["currency"]] = changes.get(row["currency"], Decimal(0)) + difference
    columns = ["subscription", "period", "expected", "what_if", "actual", "status", "status_then"]
    said = ", ".join(f"{amount:+} {currency}" for currency, amount in changes.items())
    caption = f"expected changes by {said}"
    render.stdout.print(render.table(f"What if {policies}", rows, columns, caption=caption))


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["service"], row["external_subscription_id"], row["period_start"])
