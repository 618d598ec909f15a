"""what-if: the same data under another price book or policy, beside what counts today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg2.extensions import connection

from connections.months import first_day
from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import beside, dbt, price_book, render
from orchestration.command_error import CommandError
from orchestration.commands.options import Json, Period
from orchestration.commands.reconcile import reconciliation
from orchestration.queries import Filters, Row, select
from orchestration.seeds import judge, known
from orchestration.seeds.tables import CHARGES, DISCOUNTS, TIERS

PREFIX = "whatif_"
# What the answer is computed from; no tests of models: the question is the numbers.
SELECTION = (
    "+fct_reconciliation",
    "+fct_reconciliation_causes",
    "+fct_one_off_invoices",
    "+rpt_rated_by_customer",
)
_BY_CUSTOMER = """
    select service, external_customer_id, customer_name, currency, month_on, rated_amount as amount
    from {marts}.rpt_rated_by_customer
    where %(month)s::date is null or month_on = %(month)s
    order by month_on, customer_name, service, external_customer_id, currency
"""
_CUSTOMER = ("service", "external_customer_id", "currency", "month_on")
Book = Annotated[
    Path | None,
    typer.Argument(
        metavar="PRICE_BOOK",
        exists=True,
        dir_okay=False,
        help="A CSV with the columns of dbt_project/seeds/charges.csv, instead of it.",
    ),
]
Tiers = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Its tiers, as charge_tiers.csv."),
]
Discounts = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="A CSV as discounts.csv, instead of it."),
]
Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", metavar="SERVICE.POLICY=VALUE", help="As nexacloud.proration=second."),
]


def what_if(
    book: Book = None,
    tiers: Tiers = None,
    discounts: Discounts = None,
    policy: Policies = None,
    period: Period = None,
    json: Json = False,
) -> None:
    """Rate and reconcile again by another price book or policy, beside the real schemas.

    Nothing that counts today is touched. A price book and discounts answer by customer, a policy
    by subscription.

    Example: [bold]billing what-if price_book.csv --period 2026-05[/]
    Example: [bold]billing what-if --policy nexacloud.proration=second --period 2026-04[/]
    """
    files = _files(book, tiers, discounts)
    overrides = _overrides(policy or [])
    if not files and not overrides:
        raise typer.BadParameter("name a price book, --discounts or --policy SERVICE.POLICY=VALUE")
    judge.refuse_policies(overrides)
    settings = load_settings()
    imagined = settings.model_copy(update={"billing_schema_prefix": PREFIX})
    with warehouse(settings) as conn:
        price_book.check(files, known.read(conn, judge.discounted(files)))
        today = _answer(conn, settings, period)
    with _built(settings, imagined, overrides, files) as conn:
        then = _answer(conn, imagined, period)
    customers = _side_by_side(today.pop("customers"), then.pop("customers"))
    if json:
        answer = {"policies": overrides, "customers": customers, "today": today, "what_if": then}
        render.print_json(answer)
        return
    if files:
        _show_customers(customers, ", ".join(path.name for path in files.values()))
    if overrides:
        _show(today, then, ", ".join(policy or []))


def _files(book: Path | None, tiers: Path | None, discounts: Path | None) -> dict[str, Path]:
    if tiers and not book:
        raise typer.BadParameter("--tiers belong to a price book: name it, too")
    given = {CHARGES: book, TIERS: tiers, DISCOUNTS: discounts}
    return {table: path for table, path in given.items() if path}


def _answer(conn: connection, settings: Settings, period: str | None) -> dict[str, Any]:
    customers = select(conn, settings, _BY_CUSTOMER, {"month": first_day(period)})
    return {"customers": customers, **reconciliation(conn, settings, Filters(period=period))}


@contextmanager
def _built(
    settings: Settings,
    imagined: Settings,
    overrides: dict[str, dict[str, str]],
    files: Mapping[str, Path],
) -> Iterator[connection]:
    """Build under a prefix, give a session, and drop what was built."""
    with beside.room(settings, imagined, "what-if", "a what-if", _tell):
        with render.stderr.status("rating beside what counts"):
            _build(settings, imagined, overrides, files)
        with warehouse(settings) as conn:
            yield conn


def _build(
    settings: Settings,
    imagined: Settings,
    overrides: dict[str, dict[str, str]],
    files: Mapping[str, Path],
) -> None:
    """Seeds first, then the proposed book in their place."""
    dbt.run(imagined, "seed", in_place=True, policy_overrides=overrides)
    if files:
        with warehouse(settings) as conn:
            price_book.replace(conn, imagined, files)
    selected = ("--select", *SELECTION)
    dbt.run(imagined, "run", *selected, in_place=True, policy_overrides=overrides)


def _side_by_side(today: Sequence[Row], then: Sequence[Row]) -> list[Row]:
    """One row a customer, currency and month of either; what one side lacks is nothing."""
    sides = [
        {tuple(row[name] for name in _CUSTOMER): row for row in rows} for rows in (today, then)
    ]
    rows = []
    for key in sorted({**sides[0], **sides[1]}, key=lambda key: (key[3], key[:3])):
        before, after = (side.get(key) for side in sides)
        amounts = [row["amount"] if row else Decimal(0) for row in (before, after)]
        money = [render.money(amount, key[2]) for amount in (*amounts, amounts[1] - amounts[0])]
        name = (before or after or {}).get("customer_name")
        rows.append(
            dict(zip(_CUSTOMER, key, strict=True))
            | {"customer_name": name}
            | dict(zip(("today", "what_if", "difference"), money, strict=True))
        )
    return rows


def _show_customers(customers: list[Row], book: str) -> None:
    changes: dict[str, Decimal] = {}
    for row in customers:
        currency = row["currency"]
        changes[currency] = changes.get(currency, Decimal(0)) + Decimal(row["difference"])
    said = ", ".join(f"{amount:+} {currency}" for currency, amount in changes.items())
    shown = [
        {**row, "customer": row["customer_name"], "month": f"{row['month_on']:%Y-%m}"}
        for row in customers
    ]
    columns = ["customer", "month", "currency", "today", "what_if", "difference"]
    caption = f"changes by {said}" if said else ""
    render.stdout.print(render.table(f"What if {book}", shown, columns, caption=caption))


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


def _tell(news: str) -> None:
    render.stderr.print(news, highlight=False)
