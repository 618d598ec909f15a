"""Whatever people do, in the warehouse and in Odoo: no service time is billed twice, none is lost.

50 customers share a warehouse, an Odoo and a build a night. `--seeds` plays more of them, 50 at a
time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_play import Batch, Verdict
from batch_world import NightlyDbt, open_world, run_odoo
from recon_world import restore

BATCH = 50
Play = Callable[[range], Verdict]


@pytest.fixture
def play(
    cluster: Any,
    built_sample: Any,
    _odoo_templates: Callable[[bool], str],
    tmp_path: Path,
    show_table: Callable[[str, str], None],
) -> Any:
    """Play a batch of seeds in the sample's warehouse, which is put back afterwards."""

    def play_seeds(seeds: range) -> Verdict:
        started = time.monotonic()
        odoo = run_odoo(cluster, tmp_path / "odoo", "machine_odoo", _odoo_templates(False))
        try:
            world = open_world(cluster, NightlyDbt(built_sample.dbt), odoo, tmp_path)
            verdict = Batch(seeds, world).play()
        finally:
            odoo.stop()
            restore(cluster, built_sample)
        title = f"publishing machine: seeds {seeds.start} to {seeds.stop - 1}"
        show_table(title, _table(verdict, time.monotonic() - started))
        return verdict

    return play_seeds


def _table(verdict: Verdict, seconds: float) -> str:
    def listed(counts: Counter[str]) -> str:
        return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()) if number)

    return (
        f"{verdict.documents} documents, {verdict.judged} stretches of service time judged,"
        f" {seconds:.0f} s\nhappened: {listed(verdict.happened)}"
        f"\nnamed by an alarm: {listed(verdict.excused)}"
    )


def _assert_right(verdict: Verdict) -> None:
    told = [
        f"seed {seed}, {when}: {problem.law}: {problem.subscription} {problem.says}"
        for seed, problems in sorted(verdict.problems.items())
        for when, problem in problems
    ]
    assert not told, "\n".join(told)
    assert verdict.documents, "nothing was published"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "soak_batch" in metafunc.fixturenames:
        seeds = metafunc.config.getoption("--seeds")
        metafunc.parametrize("soak_batch", range(1000, 1000 + seeds, BATCH))


def test_fifty_customers_are_billed_what_is_right_once(play: Play) -> None:
    _assert_right(play(range(BATCH)))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_customers_are_billed_what_is_right_once(play: Play, soak_batch: int) -> None:
    _assert_right(play(range(soak_batch, soak_batch + BATCH)))
