"""What a person sees and does: dead letters, replays, a receiver switched off, wrong settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from deliveries import arrived, queue, run
from faulty_receiver import OK, Act, Receiver
from webhook_world import SECRET, SECRET_NAME, URL_NAME, World

from publishers.webhooks import (
    Options,
    UnknownEvent,
    deliver,
    discard,
    replay,
    summary,
)
from publishers.webhooks.delivery import UNREACHABLE_IN_A_ROW
from publishers.webhooks.endpoints import OpenEndpoint
from publishers.webhooks.guard import GuardPolicy, check_url


def test_after_the_last_attempt_it_is_a_dead_letter_and_holds_its_subscription_back(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("a1", "a"), ("a2", "a"))
    receiver.plan = lambda _event: Act(status=400)
    for _ in range(3):
        run(world, options)
        world.clock.advance(3600)
    receiver.plan = lambda _event: OK
    assert run(world, options).attempted == 0
    assert world.states() == {"a1": "dead", "a2": "pending"}
    assert summary(world.settings, world.clock()).dead == 1


def test_a_dead_letter_is_replayed_by_hand_in_its_place(
    world: World, receiver: Receiver, options: Options
) -> None:
    test_after_the_last_attempt_it_is_a_dead_letter_and_holds_its_subscription_back(
        world, receiver, options
    )
    receiver.wire.clear()
    assert replay(world.settings, "a1", by="Ann") == 1
    rows = world.rows("select attempts from ops.webhook_deliveries where event_id = 'a1'")
    assert rows == [(0,)], "it has all its attempts again"
    world.clock.now += timedelta(days=999)
    assert run(world, options).delivered == 2
    assert arrived(receiver) == ["a1", "a2"]
    assert any("replayed by Ann" in str(row[2]) for row in world.attempts())


def test_a_dead_letter_is_discarded_by_hand_and_the_rest_goes_on(
    world: World, receiver: Receiver, options: Options
) -> None:
    test_after_the_last_attempt_it_is_a_dead_letter_and_holds_its_subscription_back(
        world, receiver, options
    )
    discard(world.settings, "a1", by="Ann", note="the deployment is gone")
    assert run(world, options).delivered == 1
    assert world.states() == {"a1": "discarded", "a2": "delivered"}
    assert any("discarded by Ann" in str(row[2]) for row in world.attempts())


def test_a_delivered_event_can_be_replayed_and_takes_effect_once(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("e1", "a"))
    run(world, options)
    replay(world.settings, "e1", by="Ann")
    world.clock.now += timedelta(days=999)
    run(world, options)
    assert arrived(receiver) == ["e1", "e1"]
    assert len(receiver.inbox.effects) == 1


def test_an_unknown_event_cannot_be_replayed_or_discarded(world: World) -> None:
    with pytest.raises(UnknownEvent, match="no event nothing"):
        replay(world.settings, "nothing", by="Ann")
    with pytest.raises(UnknownEvent, match="no event nothing"):
        discard(world.settings, "nothing", by="Ann", note="")


def test_410_switches_the_service_off_until_a_person_replays(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("a1", "a"), ("b1", "b"), ("c1", "c"))
    receiver.plan = lambda _event: Act(status=410, takes=False)
    one_by_one = replace(options, concurrency=1)
    report = run(world, one_by_one)
    assert (report.disabled, report.attempted) == (1, 1)
    again = run(world, one_by_one)
    assert again.attempted == 0
    assert "--replay a1" in again.problems[0]
    receiver.plan = lambda _event: OK
    replay(world.settings, "a1", by="Ann")
    world.clock.now += timedelta(days=999)
    assert run(world, one_by_one).delivered == 3


def test_a_receiver_that_is_down_is_left_alone_after_a_few_tries(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, *((f"e{n}", f"sub-{n}") for n in range(30)))
    receiver.__exit__()
    report = run(world, replace(options, concurrency=1))
    assert report.attempted == UNREACHABLE_IN_A_ROW
    assert "unreachable" in report.problems[0]
    assert report.waiting == 30
    receiver.__enter__()


def test_an_event_that_kills_every_worker_ends_as_a_dead_letter(
    world: World, options: Options
) -> None:
    queue(world, ("e1", "a"))
    world.rows(
        "update ops.webhook_deliveries set state = 'delivering', claimed_by = '1:gone:1',"
        " claimed_at = now(), attempts = 3"
    )
    assert run(world, options).attempted == 0
    assert world.states() == {"e1": "dead"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (URL_NAME, "", URL_NAME),
        (SECRET_NAME, "", SECRET_NAME),
        (SECRET_NAME, "short", SECRET_NAME),
        (URL_NAME, "https://169.254.169.254/", "metadata"),
        (URL_NAME, "http://good.example.com/token-8f3a", "not https"),
    ],
)
def test_a_service_that_is_set_up_wrongly_is_named_and_no_attempt_is_spent(
    world: World,
    receiver: Receiver,
    options: Options,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    said: str,
) -> None:
    queue(world, ("e1", "a"))
    monkeypatch.setenv(name, value)
    report = run(world, options)
    [problem] = report.problems
    assert said in problem
    assert "token-8f3a" not in problem
    assert world.attempts() == []
    assert world.states() == {"e1": "pending"}


def test_a_rotated_secret_signs_beside_the_old_one(
    world: World, receiver: Receiver, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(world, ("e1", "a"))
    monkeypatch.setenv(SECRET_NAME, f"{'n' * 40}, {SECRET}")
    assert run(world, options).delivered == 1
    assert receiver.raw[0][0]["Fusion-Signature"].count("v1=") == 2


def test_the_summary_says_lag_and_dead_letters_and_knows_quiet_services(
    world: World, options: Options
) -> None:
    queue(world, ("e1", "a"))
    [(emitted,)] = world.rows("select emitted_at from ops.lifecycle_events")
    found = summary(world.settings, emitted + timedelta(seconds=90))
    assert {item.service: item.pending for item in found.services} == {
        "nexacloud": 1,
        "nexadesk": 0,
    }
    assert found.lag_seconds == pytest.approx(90)
    world.rows("update marts.dim_services set is_webhook_enabled = false")
    assert summary(world.settings, emitted + timedelta(days=1)).lag_seconds == 0
    world.rows("update marts.dim_services set is_webhook_enabled = true")
    run(world, options)
    assert summary(world.settings, emitted + timedelta(days=1)).lag_seconds == 0


def test_reports_are_json(world: World, options: Options) -> None:
    queue(world, ("e1", "a"))
    assert deliver(world.settings, options=options).as_json()["deliveries"][0]["event_id"] == "e1"
    assert run(world, options).as_json()["delivered"] == 1


def test_neither_a_secret_nor_a_token_in_the_path_is_ever_shown(world: World) -> None:
    target = check_url("https://good.example.com/hook/token-8f3a", GuardPolicy())
    shown = repr(OpenEndpoint("nexacloud", target, (SECRET,))) + target.shown
    assert "good.example.com" in shown
    assert SECRET not in shown
    assert "token-8f3a" not in shown
