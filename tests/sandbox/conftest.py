"""What the tests of the generated world share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from sandbox.faults import World, build_world


@pytest.fixture(scope="session")
def world() -> World:
    """Half a thousand subscriptions over half a year, with every fault and pair of faults."""
    return build_world(7, subscriptions=500, months=6)
