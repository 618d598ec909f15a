"""Worlds for the reconciliation tests: real PostgreSQL, real loads, the real dbt project."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rating" / "support"))
sys.path.insert(0, str(Path(__file__).parent / "support"))
from rating_world import World
from recon_world import Ledger, ledger, restore

if TYPE_CHECKING:
    from sandbox.postgres import Cluster


@pytest.fixture(scope="session")
def sample(built_sample: World) -> World:
    """The sample, loaded and built; only to be read."""
    return built_sample


@pytest.fixture
def decisions(sample: World) -> Iterator[Ledger]:
    """The same, to decide things in: everything is taken back."""
    with ledger(sample) as connection:
        yield connection


@pytest.fixture
def changed(cluster: Cluster, sample: World) -> Iterator[World]:
    """The same, to load other rows into and build again; put back afterwards."""
    yield sample
    restore(cluster, sample)
