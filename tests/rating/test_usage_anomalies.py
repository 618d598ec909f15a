"""Unusual usage: what was put in is found, what is quiet is left alone, and its lines wait."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from nexacloud_rows import plan, subscription, toronto, usage
from rating_world import Dbt, World, fresh_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

PAGE = Path(__file__).parents[2] / "docs" / "usage-anomalies.md"
BUILT = ("+rpt_usage_anomalies", "+fct_line_exceptions")
FIRST, LAST = date(2025, 7, 1), date(2026, 6, 2)
MAY = [date(2026, 5, 1) + timedelta(days=number) for number in range(31)]
OF_A_KIND, QUIET = 15, 90
# What is put into May: its name, the days that it is put into, and how much more (or less) is used.
PUT_IN: dict[str, tuple[list[date], float]] = {
    "a day, 10 times": (MAY[11:12], 10),
    "a day, 30 times": (MAY[11:12], 30),
    "a week, 3 times": (MAY[8:16], 3),
    "a week, 10 times": (MAY[8:16], 10),
    "the month, 2 times": (MAY, 2),
    "the month, 4 times": (MAY, 4),
    "the month, a tenth": (MAY, 0.1),
}
KINDS = [*PUT_IN, "quiet", "quiet, in bursts"]


def _names() -> Iterator[tuple[str, str]]:
    for kind in PUT_IN:
        yield from ((f"{kind} #{number}", kind) for number in range(OF_A_KIND))
    for number in range(QUIET):
        yield f"quiet #{number}", "quiet" if number % 6 else "quiet, in bursts"


def _records(draw: random.Random, name: str, kind: str) -> Iterator[tuple[date, int]]:
    """A record a day: weekends, growth, noise; in bursts, much more of the noise."""
    level, growth = draw.uniform(1_000, 200_000), draw.uniform(-0.02, 0.04)
    noise = 0.8 if kind == "quiet, in bursts" else 0.2
    days, factor = PUT_IN.get(kind, ([], 1))
    for number in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        pace = level * (1 + growth) ** (number / 30) * (0.6 if day.weekday() > 4 else 1)
        pace *= draw.lognormvariate(0, noise) * (factor if day in days else 1)
        yield day, int(pace)


@pytest.fixture(scope="module")
def watched(cluster: Cluster, rating_dbt: Dbt) -> World:
    world = fresh_world(cluster, rating_dbt)
    draw = random.Random(4)
    world.load(
        "raw_nexacloud.plans",
        [plan("p", "10", included_cpu_seconds=0, overage_price_per_cpu_second="0.001")],
    )
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(name, "p", toronto(2025, 7, 1)) for name, _ in _names()],
    )
    numbered = ((name, *record) for name, kind in _names() for record in _records(draw, name, kind))
    world.load(
        "raw_nexacloud.usage_records",
        [
            usage(number, name, quantity, toronto(day.year, day.month, day.day, 12))
            for number, (name, day, quantity) in enumerate(numbered)
        ],
    )
    world.dbt.build(
        ["path:dbt_project/models/staging"], {"as_of": world.as_of.isoformat()}, ("model", "seed")
    )
    world.rate(BUILT)
    return world


def _found(world: World) -> dict[str, set[date]]:
    """By subscription the months in which anything unusual was found."""
    found: dict[str, set[date]] = defaultdict(set)
    for row in world.query("select * from marts.rpt_usage_anomalies"):
        month = row["period_start"].date().replace(day=1)
        found[row["external_subscription_id"]].add(month)
    return found


def _table(found: dict[str, set[date]]) -> str:
    """Markdown; what was put in and not found lowers recall, what was not put in precision."""
    may = date(2026, 5, 1)
    rows, right, wrong = [], 0, 0
    for kind in KINDS:
        names = [name for name, each in _names() if each == kind]
        hits = sum(may in found[name] for name in names) if kind in PUT_IN else 0
        false = sum(len(found[name] - ({may} if kind in PUT_IN else set())) for name in names)
        recall = f"{100 * hits / len(names):.0f} %" if kind in PUT_IN else ""
        rows.append(f"| {kind} | {len(names)} | {hits if recall else ''} | {recall} | {false} |")
        right, wrong = right + hits, wrong + false
    head = "| put into May | subscriptions | found | recall | other months found |"
    whole = OF_A_KIND * len(PUT_IN)
    rows.append(f"| all | {whole + QUIET} | {right} | {100 * right / whole:.0f} % | {wrong} |")
    precision = f"Precision: {100 * right / (right + wrong):.0f} % ({right} of {right + wrong})."
    return "\n".join([head, "|---|---:|---:|---:|---:|", *rows, "", precision])


def test_the_page_says_what_is_found(
    watched: World, show_table: Callable[[str, str], None]
) -> None:
    table = _table(_found(watched))
    show_table("Unusual usage", table)
    assert table in PAGE.read_text(), table


def test_what_is_far_from_the_past_is_found_and_quiet_usage_is_left_alone(watched: World) -> None:
    found = _found(watched)
    may = date(2026, 5, 1)
    for kind in ("a day, 30 times", "a week, 10 times", "the month, 4 times"):
        assert all(may in found[f"{kind} #{number}"] for number in range(OF_A_KIND)), kind
    quiet = [name for name, kind in _names() if kind == "quiet"]
    assert sum(len(found[name]) for name in quiet) <= len(quiet) * 3 // 100


def test_its_usage_line_waits_and_no_other(watched: World) -> None:
    held: list[dict[str, Any]] = watched.query(
        "select distinct lines.kind, lines.service_period_start, lines.external_subscription_id"
        " from marts.fct_line_exceptions as held inner join marts.fct_invoice_lines as lines"
        " using (line_key) where held.kind = 'usage_anomaly'"
        " and lines.external_subscription_id like 'the month, 4 times%'"
    )
    assert {row["kind"] for row in held} == {"usage"}
    assert {row["service_period_start"] for row in held} == {toronto(2026, 5, 1)}
    assert len(held) == OF_A_KIND


def test_late_usage_asks_again_and_a_service_without_limits_is_asked_nothing(
    watched: World,
) -> None:
    (before,) = _exception(watched)
    watched.load(
        "raw_nexacloud.usage_records",
        [usage(10_000_000, "the month, 4 times #0", 5, toronto(2026, 5, 20))],
    )
    watched.rate(BUILT)
    (after,) = _exception(watched)
    assert after["exception_key"] == before["exception_key"]
    assert after["facts_hash"] != before["facts_hash"]
    watched.seed("usage_anomaly_limits", [])
    watched.rate(BUILT)
    assert _exception(watched) == []


def _exception(world: World) -> list[dict[str, Any]]:
    return world.query(
        "select * from intermediate.int_exceptions where kind = 'usage_anomaly'"
        " and subscription_id = 'nexacloud:the month, 4 times #0'"
    )
