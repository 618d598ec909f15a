"""What tests of webhooks share: a warehouse with the two marts, a receiver that can misbehave."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from faulty_receiver import Receiver
from webhook_world import SECRET, SECRET_NAME, START, URL_NAME, World

from publishers.webhooks import Options
from publishers.webhooks.retry import RetryPolicy
from publishers.webhooks.sender import Timeouts

SEEDS = 50


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Schedules by seed: always the same 50, and as many as `make soak` asks for."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(SEEDS))
    if "soak_seed" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--seeds", default=SEEDS)
        metafunc.parametrize("soak_seed", range(SEEDS, SEEDS + asked))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on loopback whose clock is the world's beginning; tests give it another."""
    with Receiver([SECRET], START.timestamp) as running:
        yield running


@pytest.fixture
def world(
    warehouse_dsn: str, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A warehouse whose service nexacloud is enabled and points at the receiver."""
    from connections.settings import load_settings

    monkeypatch.setenv(URL_NAME, receiver.url)
    monkeypatch.setenv(SECRET_NAME, SECRET)
    settings = load_settings(
        billing_home=tmp_path / "home",
        warehouse_dsn=warehouse_dsn,
        webhook_private_hosts=f"127.0.0.1:{receiver.port}",
        webhook_http_hosts=f"127.0.0.1:{receiver.port}",
        billing_as_of=START,
    )
    world = World(settings)
    receiver.clock = world.clock.seconds
    world.create_marts()
    return world


@pytest.fixture
def options(world: World) -> Options:
    """The world's clock, seeded dice, three attempts, short patience."""
    return Options(
        clock=world.clock,
        dice=random.Random(7),
        retry=RetryPolicy(maximum_attempts=3, first_wait_seconds=60),
        timeouts=Timeouts(connect=1, read=0.3, whole=1),
    )
