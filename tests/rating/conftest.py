"""Worlds for the rating tests: real PostgreSQL, the real dbt project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
from rating_world import Dbt, World, fresh_world, template_of

if TYPE_CHECKING:
    from sandbox.postgres import Cluster


@pytest.fixture(scope="session")
def rating_dbt(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    return template_of(cluster, tmp_path_factory.mktemp("target"))


@pytest.fixture
def world(cluster: Cluster, rating_dbt: Dbt) -> World:
    """An empty warehouse with every raw table, schema ops and the seeds of the project."""
    return fresh_world(cluster, rating_dbt)
