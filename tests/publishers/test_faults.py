"""Whatever breaks, whenever: every approved line is in one draft, once, with the right totals."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fault_judge import Verdict, table
from fault_schedule import Nursery, Schedule, play
from publishing_world import World

from connections.settings import load_settings
from publishers.preflight import read_facts
from publishers.taxes import TaxComponent

SUPPORT = Path(__file__).parent / "support"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def nursery(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nursery]:
    """A process that forks publishers."""
    path = [str(SUPPORT), str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    nursery = Nursery()
    yield nursery
    nursery.stop()


@pytest.fixture
def taxes(world: World) -> dict[int, tuple[TaxComponent, ...]]:
    """Three taxes of the chart, one of them a group, as the publisher reads them."""
    rows = world.port().search_read(
        "account.tax",
        [
            ("name", "in", ["13% HST", "5% GST", "14.975% GST+QST"]),
            ("type_tax_use", "=", "sale"),
            ("company_id", "=", 1),
        ],
        ["name"],
    )
    assert len(rows) == 3
    return _components(world, [row["id"] for row in rows])


def _components(world: World, tax_ids: list[int]) -> dict[int, tuple[TaxComponent, ...]]:
    from publishing_world import line

    from publishers.lines import from_row

    rows = [from_row(line(1, tax_ids=tax_ids, amount=Decimal(1)))]
    return read_facts(world.port(), rows).taxes


@pytest.fixture
def partners(customers: SimpleNamespace) -> list[int]:
    """Partners that an invoice may name."""
    return [row["id"] for row in customers.partners]


def _play_all(
    seeds: range,
    world: World,
    cluster: Any,
    database: Any,
    template: str,
    nursery: Nursery,
    partners: list[int],
    taxes: dict[int, tuple[TaxComponent, ...]],
) -> list[Verdict]:
    verdicts = []
    for seed in seeds:
        dsn = database(template, "fusion_billing")
        settings = load_settings(**{**world.values, "warehouse_dsn": dsn})
        own = replace(world, settings=settings)
        own.create_marts()
        own.forget_other_warehouses()
        schedule = Schedule(seed, f"{world.service}f{seed}", partners, taxes)
        verdicts.append(play(schedule, own, nursery, cluster))
        cluster.drop_database(dsn.rsplit("/", 1)[1])
    return verdicts


@pytest.fixture
def play_all(
    world: World,
    cluster: Any,
    database: Any,
    _warehouse_template: str,
    nursery: Nursery,
    partners: list[int],
    taxes: dict[int, tuple[TaxComponent, ...]],
) -> Any:
    """Play the schedules of some seeds; their verdicts."""

    def play_seeds(seeds: range) -> list[Verdict]:
        return _play_all(
            seeds, world, cluster, database, _warehouse_template, nursery, partners, taxes
        )

    return play_seeds


@pytest.fixture
def exactly_once(play_all: Any, show_table: Callable[[str, str], None]) -> Callable[[range], None]:
    """Play the schedules of some seeds, show their table, and want nothing but zeros in it."""

    def play_and_judge(seeds: range) -> None:
        verdicts = play_all(seeds)
        show_table(
            f"publishing under faults: seeds {seeds.start} to {seeds.stop - 1}", table(verdicts)
        )
        _assert_exactly_once(verdicts)

    return play_and_judge


def _assert_exactly_once(verdicts: list[Verdict]) -> None:
    wrong = {verdict.seed: verdict.problems for verdict in verdicts if verdict.problems}
    assert not wrong
    assert all(verdict.documents for verdict in verdicts)


def test_fifty_seeded_schedules_publish_exactly_once(
    exactly_once: Callable[[range], None], world: World
) -> None:
    exactly_once(range(5 if world.is_real else 50))


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_a_thousand_seeded_schedules_publish_exactly_once(
    exactly_once: Callable[[range], None], request: pytest.FixtureRequest
) -> None:
    exactly_once(range(1000, 1000 + request.config.getoption("--seeds")))
