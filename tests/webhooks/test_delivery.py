"""Deliveries: in order, retried, recorded, and sent again after a worker died."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg2
from deliveries import arrived, failing_first, queue, run
from faulty_receiver import OK, RESET_BEFORE, Act, Receiver
from webhook_world import START, World

from publishers.webhooks import Options, deliver, emit
from publishers.webhooks.queue import CLAIM, Queue
from publishers.webhooks.sender import Timeouts


def test_a_dry_run_sends_nothing_and_shows_what_is_due(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("e1", "a"), ("e2", "a"), ("e3", "b"))
    report = deliver(world.settings, options=options)
    assert receiver.raw == []
    assert (report.dry_run, report.waiting) == (True, 3)
    states = {note.event_id: note.state for note in report.deliveries}
    assert states == {"e1": "due", "e2": "waits for an earlier event", "e3": "due"}
    assert report.deliveries[0].error == "Invoice INV/7 is unpaid."


def test_every_event_arrives_verified_and_once(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, *((f"e{n}", f"sub-{n % 7}") for n in range(40)))
    report = run(world, options)
    assert (report.delivered, report.waiting, receiver.refused) == (40, 0, 0)
    assert sorted(arrived(receiver)) == sorted(f"e{n}" for n in range(40))
    assert set(world.states().values()) == {"delivered"}
    assert run(world, options).attempted == 0


def test_events_of_a_subscription_arrive_in_order_and_others_do_not_wait(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b"))
    receiver.plan = lambda event: Act(status=500) if event["id"] == "a1" else OK
    run(world, options)
    assert world.states() == {
        "a1": "pending",
        "a2": "pending",
        "b1": "delivered",
        "b2": "delivered",
    }
    assert "a2" not in arrived(receiver)
    receiver.plan = lambda _event: OK
    world.clock.advance(120)
    run(world, options)
    assert [i for i in arrived(receiver) if i.startswith("a")] == ["a1", "a1", "a2"]


def test_the_same_bytes_are_sent_again_under_a_new_time(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("e1", "a"))
    receiver.plan = failing_first(Act(status=500))
    run(world, options)
    world.clock.advance(120)
    run(world, options)
    (first, body), (second, again) = receiver.raw
    assert body == again
    assert first["Fusion-Signature"] != second["Fusion-Signature"]
    assert receiver.refused == 0


def test_every_attempt_is_on_record_with_status_duration_and_a_capped_body(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("e1", "a"))
    receiver.plan = failing_first(Act(status=503, body=b"busy" * 5000), RESET_BEFORE)
    for _ in range(3):
        run(world, options)
        world.clock.advance(3600)
    first, second, third = world.attempts()
    assert (first[1], first[2]) == (503, None)
    assert len(first[4]) == 2048
    assert second[1] is None
    assert "broke" in second[2]
    assert third[1] == 200
    assert all(row[3] >= 0 for row in (first, second, third))


def test_a_failure_waits_before_it_is_tried_again(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("e1", "a"))
    receiver.plan = lambda _event: Act(status=500)
    run(world, options)
    world.clock.advance(29)
    assert run(world, options).attempted == 0
    world.clock.advance(31)
    assert run(world, options).attempted == 1


def test_retry_after_is_respected(world: World, receiver: Receiver, options: Options) -> None:
    queue(world, ("e1", "a"))
    receiver.plan = failing_first(Act(status=429, headers=(("Retry-After", "500"),)))
    run(world, options)
    world.clock.advance(499)
    assert run(world, options).attempted == 0
    world.clock.advance(1)
    assert run(world, options).delivered == 1


def test_a_slow_receiver_is_not_waited_for_and_hears_it_again(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("e1", "a"))
    receiver.plan = failing_first(Act(silence=1.5))
    started = time.monotonic()
    assert run(world, options).retrying == 1
    assert time.monotonic() - started < 1.4
    world.clock.advance(60)
    assert run(world, options).delivered == 1
    assert arrived(receiver) == ["e1", "e1"]
    assert len(receiver.inbox.effects) == 1


def test_no_more_attempts_than_the_limit_are_made(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, *((f"e{n}", f"sub-{n}") for n in range(10)))
    assert run(world, options, limit=4).attempted == 4
    assert len(receiver.raw) == 4


def test_two_workers_at_once_send_each_event_once_and_in_order(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, *((f"e{n:03}", f"sub-{n % 5}") for n in range(60)))
    threads = [threading.Thread(target=run, args=(world, options)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(world, options)
    assert sorted(arrived(receiver)) == [f"e{n:03}" for n in range(60)]
    for number in range(5):
        of_one = [
            e["id"] for e in receiver.wire if e["external_subscription_id"] == f"sub-{number}"
        ]
        assert of_one == sorted(of_one)


def test_a_worker_passes_over_what_another_one_is_claiming(world: World) -> None:
    queue(world, ("a1", "a"), ("b1", "b"), ("c1", "c"))
    dsn = world.settings.warehouse_dsn
    with closing(psycopg2.connect(dsn)) as first, closing(psycopg2.connect(dsn)) as second:
        mine = Queue(first, "1:here:1").claim(["nexacloud"], 2, START)
        with second.cursor() as cursor:
            cursor.execute("set statement_timeout = '5s'")
        theirs = Queue(second, "2:here:2").claim(["nexacloud"], 3, START)
        first.commit()
        second.commit()
    assert [claim.event_id for claim in mine] == ["a1", "b1"]
    assert [claim.event_id for claim in theirs] == ["c1"]


def test_what_a_dead_worker_had_claimed_is_sent_again_and_of_a_live_one_is_not(
    world: World, receiver: Receiver, options: Options
) -> None:
    queue(world, ("e1", "a"), ("e2", "b"))
    with_dead_owner = "update ops.webhook_deliveries set state = 'delivering', claimed_at = now(),"
    world.rows(with_dead_owner + " claimed_by = '123:gone:1', attempts = 1 where event_id = 'e1'")
    in_the_air, landed = threading.Event(), threading.Event()

    def hold(event: dict[str, Any]) -> Act:
        in_the_air.set()
        landed.wait(5)
        return OK

    receiver.plan = lambda event: hold(event) if event["id"] == "e2" else OK
    patient = replace(options, timeouts=Timeouts(read=10, whole=10), concurrency=1)
    world.rows(
        "update ops.webhook_deliveries set next_attempt_at = %s where event_id = 'e1'", START
    )
    alive = threading.Thread(target=run, args=(world, patient))
    # The live worker recovers e1 first, so it sends e1, then e2, and is held there.
    alive.start()
    assert in_the_air.wait(5)
    second = run(world, options)
    landed.set()
    alive.join()
    assert (second.recovered, second.attempted) == (0, 0)
    assert arrived(receiver) == ["e1", "e2"]
    assert any("ended before it recorded" in str(row[2]) for row in world.attempts())


def test_a_claim_does_not_read_the_whole_backlog(world: World) -> None:
    world.propose("e")
    world.rows(
        "insert into serving.fct_lifecycle_events select (jsonb_populate_record(mart,"
        " jsonb_build_object('event_id', 'e' || number, 'subject', 'subject ' || number,"
        " 'external_subscription_id', 'sub-' || number % 40))).*"
        " from serving.fct_lifecycle_events as mart, generate_series(1, 1500) as number"
    )
    assert emit(world.settings, go=True).emitted == 1501
    values = {"worker": "1:host:1", "now": datetime.max.replace(tzinfo=UTC), "limit": 1}
    with closing(psycopg2.connect(world.settings.warehouse_dsn)) as conn, conn.cursor() as cursor:
        cursor.execute(
            f"explain (analyze, buffers, format json) {CLAIM}",
            {**values, "services": ["nexacloud"]},
        )
        [(plan,)] = cursor.fetchall()
    # Read in order, a head is found at once; sorted, each of the 1,501 costs a few pages.
    assert plan[0]["Plan"]["Shared Hit Blocks"] < 200
