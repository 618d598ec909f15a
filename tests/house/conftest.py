"""The house as a whole: its graph, its imports, its size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from figures import Graph, parsed


@pytest.fixture(scope="session")
def graph() -> Graph:
    return Graph(parsed())
