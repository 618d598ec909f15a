"""Whatever breaks, every event arrives, takes effect once, and in order per subscription.

50 schedules by default; `make soak` plays 1,000 (`--seeds`).
"""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest
from fault_schedules import HOST, Schedule, in_order, run, run_and_kill, up
from faulty_receiver import Receiver
from webhook_world import START, URL_NAME, World

from connections.settings import load_settings
from publishers.webhooks import emit


@pytest.fixture
def named_world(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> World:
    """The receiver under a name, so that a resolver can make it vanish."""
    monkeypatch.setenv(URL_NAME, receiver.url.replace("127.0.0.1", HOST))
    listed = f"{HOST}:{receiver.port}"
    values = world.settings.model_dump()
    values |= {"webhook_private_hosts": listed, "webhook_http_hosts": listed}
    world.settings = load_settings(**values)
    return world


@pytest.mark.soak
def test_every_event_arrives_takes_effect_once_and_in_order(
    named_world: World, receiver: Receiver, seed: int
) -> None:
    schedule = Schedule(seed, named_world, receiver)
    schedule.play()

    emitted = {row[0] for row in named_world.rows("select event_id from ops.lifecycle_events")}
    arrived = [event["id"] for event in receiver.wire]
    effects = receiver.inbox.effects
    assert set(arrived) == emitted, "at least once on the wire"
    assert sorted(event["id"] for event in effects) == sorted(emitted), "once in effect"
    assert in_order(effects), "in order per subscription"
    assert receiver.refused == 0
    recorded = len(named_world.attempts())
    unreachable = named_world.rows(
        "select count(*) from ops.webhook_attempts where error like 'cannot connect%'"
    )[0][0]
    # An attempt that died before it left is on record too; one that arrived is never missing.
    assert recorded - unreachable >= len(arrived)


def test_a_worker_killed_between_the_answer_and_the_record_is_followed_by_one_that_sends_again(
    named_world: World, receiver: Receiver
) -> None:
    named_world.propose("e1", external_subscription_id="a")
    named_world.propose("e2", external_subscription_id="a", occurred_at=START + timedelta(hours=1))
    emit(named_world.settings, go=True)
    named_world.rows("update ops.webhook_deliveries set next_attempt_at = %s", START)
    assert run_and_kill(named_world, answers=1, concurrency=1) == -signal.SIGKILL
    assert named_world.states() == {"e1": "delivering", "e2": "pending"}
    assert named_world.attempts() == []
    report = run(named_world, up)
    assert (report.recovered, report.delivered) == (1, 2)
    assert [event["id"] for event in receiver.wire] == ["e1", "e1", "e2"]
    assert [event["id"] for event in receiver.inbox.effects] == ["e1", "e2"]
    lost, first, second = named_world.attempts()
    assert "ended before it recorded" in lost[2]
    assert (first[1], second[1]) == (200, 200)
