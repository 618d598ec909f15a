"""A price book is edited by hand: what cannot be rated is told before anything is rated by it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from dbt_runs import DbtFailed
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import Dbt, World, fresh_world

from orchestration.seeds import judge
from orchestration.seeds.known import Known
from orchestration.seeds.tables import TABLES

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

Row = dict[str, str]
BOOKS = 400  # a build rates those that are not refused, each on a plan of its own
LAW = "assert_the_price_book_can_be_rated"
BOOK = ("+int_price_book", "+int_metric_versions")
MISTAKES: dict[str, list[dict[str, Any]]] = {
    "a metric that nobody defined": [{"metric": "unheard", "unit_price": 1}],
    "two base fees": [
        {"base_fee": 5},
        {"metric": "cpu_seconds", "unit_price": 1, "base_fee": 7},
    ],
    "a charge under its name and under its metric": [
        {"charge": "cpu_seconds", "metric": "cpu_seconds", "unit_price": 1},
        {"metric": "cpu_seconds", "unit_price": 2},
    ],
    "two prices of which one begins before the other ends": [
        {"base_fee": 5, "valid_to": "2026-05-02"},
        {"base_fee": 7, "valid_from": "2026-05-01"},
    ],
    "a plan that no source ever named": [{"plan_code": "q", "base_fee": 5}],
    "a currency that Odoo does not know": [{"currency": "XXX", "base_fee": 5}],
    "a metric on a fee that is charged once": [
        {"base_fee": 5, "metric": "cpu_seconds", "unit_price": 1, "charge_model": "one_off"}
    ],
}


def hold_against_the_law(world: World, rows: list[dict[str, Any]]) -> None:
    named = {"service": "nexacloud", "plan_code": "p", "currency": "CAD"}
    world.load("raw_nexacloud.plans", [plan("p")])
    world.seed("metrics", [{"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}])
    world.seed("charges", [{**named, **row} for row in rows])
    world.rate(BOOK)
    world.dbt.build([LAW], {}, types=("test",))


@pytest.mark.parametrize("rows", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_book_that_would_lose_money_is_refused(world: World, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(DbtFailed, match=LAW):
        hold_against_the_law(world, rows)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"base_fee": "NaN"}, "holds_usable_values_charges"),
        ({"metric": "cpu_seconds"}, LAW),  # without a price
    ],
)
def test_dbt_by_hand_builds_nothing_from_a_refused_book(
    world: World, row: dict[str, Any], said: str
) -> None:
    """A failed test of the seeds stops what would be rated by them, and what stands there stays."""
    world.load("raw_nexacloud.plans", [plan("p")])
    world.seed("metrics", [{"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}])
    named = {"service": "nexacloud", "plan_code": "p", "currency": "CAD"}
    world.seed("charges", [{**named, **row}])
    with pytest.raises(DbtFailed, match=said):
        world.dbt.build(["+int_price_versions"], {}, types=("model", "snapshot", "test"))
    for name in ("int_price_book", "int_price_versions"):
        assert world.query(f"select * from intermediate.{name}") == [], name


# What a book or a source may hold although nobody should write it: on which plan, and as which row.
UNUSABLE: dict[str, dict[str, Any]] = {
    "negative": {"base_fee": "-60"},
    "no-number": {"base_fee": "NaN"},
    "infinite": {"base_fee": "Infinity"},
    "no-tiers": {"metric": "cpu_seconds", "charge_model": "graduated"},
    "no-size": {"metric": "cpu_seconds", "charge_model": "package", "unit_price": 1},
    "no-rate": {"metric": "cpu_seconds", "charge_model": "percentage"},
    "bad-tier": {"metric": "cpu_seconds", "charge_model": "volume"},
}


def test_a_price_that_cannot_be_rated_by_holds_its_subscription(world: World) -> None:
    """No other source's price stands in for it, and the others are rated as ever."""
    world.seed("metrics", [{"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}])
    book = [
        {"service": "nexacloud", "plan_code": name, "currency": "CAD", **row}
        for name, row in UNUSABLE.items()
    ]
    tier = {"service": "nexacloud", "plan_code": "bad-tier", "charge": "cpu_seconds"}
    world.seed("charges", book)
    world.seed("charge_tiers", [{**tier, "unit_price": "-1"}])
    plans = [plan(name, "31") for name in UNUSABLE]
    world.load(
        "raw_nexacloud.plans", [*plans, plan("below", "-1"), plan("fine", "31", currency="cad")]
    )
    names = [*UNUSABLE, "below", "fine"]
    started = toronto(2026, 5, 1)
    world.load("raw_nexacloud.subscriptions", [subscription(n, n, started) for n in names])
    world.load(
        "raw_nexacloud.usage_records",
        [usage(k, n, 5, toronto(2026, 5, 3)) for k, n in enumerate(names)],
    )
    world.rate(("+fct_invoice_lines", "+int_exceptions_subscriptions"))
    held = world.query(
        "select subscription_id from intermediate.int_exceptions_subscriptions"
        " where kind = 'price_unusable'"
    )
    assert {row["subscription_id"].partition(":")[2] for row in held} == {*UNUSABLE, "below"}
    lines = world.lines("kind = 'base' and service_period_start = '2026-05-01 04:00:00+00'")
    billed = {line["plan_code"]: (line["amount"], line["currency"]) for line in lines}
    fees = {name: (Decimal("31.00"), "CAD") for name, row in UNUSABLE.items() if "metric" in row}
    assert billed == {**fees, "fine": (Decimal("31.00"), "CAD")}
    assert world.lines("not (amount >= 0 and amount < 'Infinity')") == []


def test_prices_that_follow_each_other_are_a_book(world: World) -> None:
    follow = [
        {"base_fee": 5, "valid_to": "2026-05-01"},
        {"base_fee": 7, "valid_from": "2026-05-01"},
        {"metric": "cpu_seconds", "unit_price": 1},
    ]
    hold_against_the_law(world, follow)


def test_usage_that_nobody_knows_how_to_add_up_is_an_exception(world: World) -> None:
    """Odoo may define a metric by an aggregation of its own: a quantity of zero would be a gift."""
    world.load(
        "raw_odoo.fusion_billing_metric",
        [{"id": 1, "code": "odd", "name": "odd", "aggregation": "weighted_sum"}],
    )
    world.load("raw_nexacloud.plans", [plan("p")])
    world.load("raw_nexacloud.subscriptions", [subscription("s", "p", toronto(2026, 5, 1))])
    world.seed(
        "charges",
        [
            {"service": "nexacloud", "plan_code": "p", "metric": "odd", "unit_price": 1}
            | {"currency": "CAD"}
        ],
    )
    world.load("raw_nexacloud.usage_records", [usage(1, "s", 5, toronto(2026, 5, 3), metric="odd")])
    world.rate()
    found = world.query("select reason, severity from marts.fct_usage_exceptions")
    assert found == [{"reason": "unknown_aggregation", "severity": "error"}]
    law = "assert_every_usage_record_reaches_one_line_or_one_exception"
    world.dbt.build([law], {"as_of": world.as_of.isoformat()}, types=("test",))


# ------------------------------------------------------------------- any file, refused or rated

GOOD = ("0", "5", "0.000001", "12.345678", "999999999999", "250")
BAD = ("", "-1", "NaN", "Infinity", "1e3", "0.0000001")
PRICED_BY = {
    **dict.fromkeys(("", "standard"), ("unit_price",)),
    "graduated": (),
    "graduated_percentage": (),
    "volume": (),
    "package": ("unit_price", "package_size"),
    "percentage": ("rate_percent",),
    "one_off": ("base_fee",),
    "per_moon": ("base_fee",),
}
CELLS: dict[str, tuple[str, ...]] = {
    "charge": ("", "", "cpu_seconds", "base", " "),
    "metric": ("", "cpu_seconds", "cpu_seconds", "null", "cpu"),
    "currency": ("CAD", "CAD", "cad", "JPY", "XXX", ""),
    "valid_from": ("", "2026-01-01", "0001-01-01", "tomorrow"),
    "valid_to": ("", "2027-05-02", "2026-05-02"),
}
ANY_MODEL = ("base_fee", "included_quantity", "minimum", "maximum")


def drawn_books(chance: Random, count: int) -> list[tuple[list[Row], list[Row]]]:
    """Books with a row or two, most amounts empty, or hardly one would ever be right."""

    def amount() -> str:
        return chance.choice(GOOD if chance.random() < 0.95 else BAD)

    def charge() -> Row:
        named = chance.choice(tuple(PRICED_BY))
        cells = {name: chance.choice(choices) for name, choices in CELLS.items()}
        if chance.random() < 0.7:
            metric = "" if named == "one_off" else "cpu_seconds"
            cells = {"currency": chance.choice(("CAD", "cad", "JPY")), "metric": metric}
        more = chance.sample(ANY_MODEL, chance.choice((0, 0, 1, 2)))
        return {"charge_model": named, **cells} | {
            name: amount() for name in (*PRICED_BY[named], *more)
        }

    def tier(bound: str) -> Row:
        return {"tier_to": bound, "unit_price": amount(), "flat_fee": chance.choice(("", amount()))}

    def ladder() -> list[Row]:
        bounds = sorted(chance.sample(range(1, 9), chance.randint(0, 2)))
        return [tier(str(bound)) for bound in bounds] + [tier(chance.choice(("", "", "5")))]

    return [
        (
            [charge() for _ in range(chance.choice((1, 1, 2)))],
            ladder() if chance.random() < 0.4 else [],
        )
        for _ in range(count)
    ]


PLAINLY_RIGHT: tuple[list[Row], list[Row]] = ([{"currency": "CAD", "base_fee": "5"}], [])


def write(path: Path, table: str, rows: list[Row]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(TABLES[table].columns), restval="")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


def accepted(folder: Path, drawn: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of the books that are not refused, each book on a plan of its own."""
    currencies = frozenset({"CAD", "JPY"})
    for number, (charges, ladder) in enumerate(drawn):
        named = {"service": "nexacloud", "plan_code": f"p{number}"}
        files = {
            "charges": write(folder / "charges.csv", "charges", [{**named, **r} for r in charges]),
            "charge_tiers": write(
                folder / "charge_tiers.csv",
                "charge_tiers",
                [{**named, "charge": "cpu_seconds", **row} for row in ladder],
            ),
        }
        plans = {"nexacloud": frozenset({named["plan_code"]})}
        if not judge.problems(Known(plans=plans, currencies=currencies), files):
            for table, path in files.items():
                for row in judge.read(table, path, is_proposal=True).rows:
                    yield table, dict(row.cells)


@settings(
    max_examples=2,  # a build each: a draw is many books
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(0, 2**32))
def test_any_book_is_refused_or_rates_to_exact_amounts(
    cluster: Cluster, rating_dbt: Dbt, tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    drawn = [*drawn_books(Random(number), BOOKS), PLAINLY_RIGHT]
    world = fresh_world(cluster, rating_dbt)
    world.seed("metrics", [{"service": "nexacloud", "metric": "cpu_seconds", "aggregation": "sum"}])
    rows = list(accepted(tmp_path_factory.mktemp("books"), drawn))
    for table in ("charges", "charge_tiers"):
        world.seed(table, [row for name, row in rows if name == table])
    plans = [f"p{number}" for number in range(len(drawn))]
    started = toronto(2026, 5, 1)
    world.load("raw_nexacloud.plans", [plan(name) for name in plans])
    world.load("raw_nexacloud.subscriptions", [subscription(n, n, started) for n in plans])
    at = toronto(2026, 5, 20)
    world.load("raw_nexacloud.usage_records", [usage(k, n, "7.5", at) for k, n in enumerate(plans)])
    world.rate(("+fct_invoice_lines", "+int_exceptions_subscriptions"))
    lines = world.lines("price_source = 'price_book'")
    assert lines
    for line in lines:
        amount, exact = line["amount"], line["exact_amount"]
        assert amount.is_finite(), line
        assert amount >= 0, line
        assert abs(amount - exact) <= Decimal("0.5"), line
        assert amount.as_tuple().exponent >= (0 if line["currency"] == "JPY" else -2), line
    assert world.query("select * from intermediate.int_exceptions_subscriptions") == []
    booked = {row["plan_code"] for name, row in rows if name == "charges"}
    assert {line["plan_code"] for line in lines} <= booked
