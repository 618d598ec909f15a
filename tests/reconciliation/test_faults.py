"""A generated world whose invoices are wrong in known ways: every cause is found, to the cent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.causes import LEAST_PAIRS_PERCENT, measure
from sandbox.fault_world.build import build_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

# The smallest world that holds each pair of causes once; `python -m benchmarks.causes` takes 2,000
# subscriptions over 6 months and any seed.
SEED, SUBSCRIPTIONS, MONTHS = 11, 240, 3


def test_causes_are_found_to_the_cent(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = build_world(SEED, SUBSCRIPTIONS, MONTHS)
    scores = measure(cluster, tmp_path, world).scores
    singles, pairs = scores.total("single"), scores.total("pair")
    with capsys.disabled():
        print(f"\n{scores.table()}\n")
    told = "\n".join(scores.differences)
    assert singles.right > 50, "the world holds no faults"
    assert pairs.right > 50, "the world holds no pairs"
    assert (singles.precision, singles.recall) == (Decimal(100), Decimal(100)), told
    assert min(pairs.precision, pairs.recall) >= LEAST_PAIRS_PERCENT, told
