"""What starts a run of deliveries by itself: something new or due, and one run at a time."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

if TYPE_CHECKING:
    from webhook_world import World

sys.path.insert(0, str(Path(__file__).parents[1] / "webhooks" / "support"))


@pytest.fixture
def world(warehouse_dsn: str, parsed_home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A warehouse whose service nexacloud is enabled, as the sensor's settings name it."""
    from webhook_world import SECRET, SECRET_NAME, START, URL_NAME, World

    from connections.settings import load_settings

    monkeypatch.setenv("BILLING_HOME", str(parsed_home))
    monkeypatch.setenv("WAREHOUSE_DSN", warehouse_dsn)
    monkeypatch.setenv("BILLING_AS_OF", START.isoformat())
    monkeypatch.setenv("WEBHOOK_PRIVATE_HOSTS", "127.0.0.1:9")
    monkeypatch.setenv("WEBHOOK_HTTP_HOSTS", "127.0.0.1:9")
    monkeypatch.setenv(URL_NAME, "http://127.0.0.1:9/hook")
    monkeypatch.setenv(SECRET_NAME, SECRET)
    world = World(load_settings())
    world.create_marts()
    return world


@pytest.fixture
def instance(world: World) -> dg.DagsterInstance:
    """Nothing ran before in this world."""
    return dg.DagsterInstance.ephemeral()


def _queue(world: World, *events: tuple[str, str]) -> None:
    from deliveries import queue

    queue(world, *events)


def _tick(instance: dg.DagsterInstance) -> dg.RunRequest | str | None:
    """What the sensor asks for, or why it skips."""
    from orchestration.automation import deliver_events
    from orchestration.resources import Warehouse

    given = {"billing_warehouse": Warehouse()}
    with dg.build_sensor_context(instance=instance, resources=given) as context:
        found = deliver_events(context)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found if isinstance(found, dg.RunRequest) else found.skip_message


def test_nothing_new_and_nothing_due_starts_nothing(instance: dg.DagsterInstance) -> None:
    assert _tick(instance) == "nothing to tell"


def test_a_new_event_starts_a_run_for_real(world: World, instance: dg.DagsterInstance) -> None:
    world.propose("a1")
    found = _tick(instance)
    assert isinstance(found, dg.RunRequest)
    assert found.run_config["ops"]["send_webhooks"]["config"]["go"] is True


def test_what_failed_starts_a_run_again_when_it_is_due_and_not_before(
    world: World, instance: dg.DagsterInstance
) -> None:
    _queue(world, ("a1", "a"), ("a2", "a"))
    soon = datetime.now(UTC) + timedelta(hours=1)
    failed = "update ops.webhook_deliveries set attempts = 1, next_attempt_at = %s"
    world.rows(f"{failed} where event_id = 'a1'", soon)
    assert _tick(instance) == "nothing to tell"
    world.rows(f"{failed} where event_id = 'a1'", world.clock())
    assert isinstance(_tick(instance), dg.RunRequest)


def test_a_dead_letter_or_a_disabled_service_starts_nothing(
    world: World, instance: dg.DagsterInstance
) -> None:
    _queue(world, ("a1", "a"))
    assert isinstance(_tick(instance), dg.RunRequest)
    world.rows("update marts.dim_services set is_webhook_enabled = false")
    assert _tick(instance) == "nothing to tell"
    world.rows("update marts.dim_services set is_webhook_enabled = true")
    world.rows("update ops.webhook_deliveries set state = 'dead'")
    assert _tick(instance) == "nothing to tell"


def test_a_run_that_waits_is_not_asked_for_again(
    world: World, instance: dg.DagsterInstance
) -> None:
    from dagster._core.test_utils import create_run_for_test

    _queue(world, ("a1", "a"))
    waiting = create_run_for_test(instance, "events", status=dg.DagsterRunStatus.STARTED)
    assert _tick(instance) == f"run {waiting.run_id} is not finished"
    instance.report_run_failed(waiting)
    assert isinstance(_tick(instance), dg.RunRequest)
