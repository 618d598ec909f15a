"""Companies that live for half a year, against an oracle that knows the truth: every night.

50 companies share a warehouse. `--seeds` plays more of them, `--shrink SEED` tells the story of one
that fails in as few events as it can.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from company.generator import BATCH, make_story
from company.story import Story
from machine_play import NIGHTS, Play, report
from machine_shrink import shrink
from rating_world import Dbt, World, fresh_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

ShowTable = Callable[[str, str], None]


@pytest.fixture
def fresh(cluster: Cluster, rating_dbt: Dbt) -> Callable[[], World]:
    return lambda: fresh_world(cluster, rating_dbt)


def play(fresh: Callable[[], World], stories: list[Story], show_table: ShowTable) -> None:
    """Play stories in one warehouse; print what it cost; fail with all that differs."""
    started = time.monotonic()
    played = Play(fresh(), stories)
    faults = played.run()
    seconds = time.monotonic() - started
    show_table(
        f"Companies {stories[0].seed} to {stories[-1].seed}",
        f"{played.compared} amounts compared in {len(NIGHTS)} nights, {seconds:.0f} s",
    )
    assert not faults, report(stories, faults)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "soak_batch" in metafunc.fixturenames:
        seeds = metafunc.config.getoption("--seeds")
        metafunc.parametrize("soak_batch", range(0, seeds, BATCH))


def test_fifty_companies_agree_with_the_oracle_every_night(
    fresh: Callable[[], World], show_table: ShowTable
) -> None:
    play(fresh, [make_story(seed, len(NIGHTS)) for seed in range(BATCH)], show_table)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_companies_agree_with_the_oracle_every_night(
    fresh: Callable[[], World], soak_batch: int, show_table: ShowTable
) -> None:
    seeds = range(soak_batch, soak_batch + BATCH)
    play(fresh, [make_story(seed, len(NIGHTS)) for seed in seeds], show_table)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_failing_story_told_shortly(
    fresh: Callable[[], World], request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--shrink")
    if seed is None:
        pytest.skip("no company named: --shrink SEED")
    story = shrink(fresh, make_story(seed, len(NIGHTS)))
    faults = Play(fresh(), [story]).run()
    assert not faults, report([story], faults)
