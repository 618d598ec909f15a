"""Whatever breaks, every event arrives, takes effect once, and in order per subscription.

50 schedules by default; `make soak` plays 1,000 (`--seeds`).
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from dying_worker import loopback
from fault_schedules import HOST, Schedule, in_order, run, run_and_kill
from fault_table import Seen, fault_table
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


OUTCOMES = ("lost", "not once in effect", "out of order", "not on record")


@pytest.fixture(scope="module")
def schedules(show_table: Callable[[str, str], None]) -> Iterator[list[Seen]]:
    """What happened in each schedule; shown as a table when all are played."""
    played: list[Seen] = []
    yield played
    if played:
        show_table("webhooks under faults", fault_table(played, ("events",), OUTCOMES))


def play(schedule: Schedule, schedules: list[Seen]) -> None:
    """Play a schedule to its end and hold it to the laws."""
    schedule.play()
    broken = _broken_laws(schedule)
    at_stake = {"events": len(schedule.arrivals)}
    schedules.append(Seen(schedule.faults, at_stake, Counter(broken.keys())))
    assert broken == {}


def _broken_laws(schedule: Schedule) -> dict[str, str]:
    world, receiver = schedule.world, schedule.receiver
    emitted = {row[0] for row in world.rows("select event_id from ops.lifecycle_events")}
    arrived = [event["id"] for event in receiver.wire]
    effects = receiver.inbox.effects
    # Some may be refused: on a busy machine the receiver reads a request after its sender gave up
    # and the clock went on, and then its signature is too old. It is sent again.
    recorded = [row for row in world.attempts() if "cannot connect" not in str(row[2])]
    kept = {
        "lost": set(arrived) == emitted,
        "not once in effect": sorted(event["id"] for event in effects) == sorted(emitted),
        "out of order": in_order(effects),
        "not on record": len(recorded) >= len(arrived),
    }
    return {law: f"seed {schedule.seed}" for law in OUTCOMES if not kept[law]}


def test_every_event_arrives_takes_effect_once_and_in_order(
    named_world: World, receiver: Receiver, schedules: list[Seen], seed: int
) -> None:
    play(Schedule(seed, named_world, receiver), schedules)


@pytest.mark.soak
def test_a_thousand_schedules_keep_the_same_laws(
    named_world: World, receiver: Receiver, schedules: list[Seen], soak_seed: int
) -> None:
    play(Schedule(soak_seed, named_world, receiver), schedules)


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
    report = run(named_world, loopback)
    assert (report.recovered, report.delivered) == (1, 2)
    assert [event["id"] for event in receiver.wire] == ["e1", "e1", "e2"]
    assert [event["id"] for event in receiver.inbox.effects] == ["e1", "e2"]
    lost, first, second = named_world.attempts()
    assert "ended before it recorded" in lost[2]
    assert (first[1], second[1]) == (200, 200)
