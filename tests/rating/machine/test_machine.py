"""Companies that live for half a year, against an oracle that knows the truth: every night."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from company.generator import BATCH, make_story
from machine_play import NIGHTS, Play, report
from rating_world import Dbt, fresh_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

KINDS = os.environ.get("MACHINE_KINDS", "").split()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    seeds = metafunc.config.getoption("--seeds")
    metafunc.parametrize("first", range(0, seeds, BATCH))


def test_companies(
    cluster: Cluster, rating_dbt: Dbt, first: int, show_table: Callable[[str, str], None]
) -> None:
    started = time.monotonic()
    world = fresh_world(cluster, rating_dbt)
    seeds = range(first, first + BATCH)
    kinds = {"kinds": KINDS} if KINDS else {}
    stories = [make_story(seed, len(NIGHTS), **kinds) for seed in seeds]
    play = Play(world, stories)
    faults = play.run()
    seconds = time.monotonic() - started
    show_table(
        f"Companies {first} to {first + BATCH - 1}, {stories[0].policy}",
        f"{play.compared} amounts compared in {len(NIGHTS)} nights, {seconds:.0f} s",
    )
    assert not faults, report(stories, faults)
