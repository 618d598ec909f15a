"""An event is frozen once, and only where a service, a person and the time allow it."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest
from webhook_world import START, World

from connections.settings import load_settings
from publishers.webhooks import UnknownEvent, WebhookError, emit, release_termination
from publishers.webhooks.emission import EMISSION_LOCK
from publishers.webhooks.reports import EmitReport


def decisions(report: EmitReport) -> dict[str, str]:
    return {event.event_id: event.decision for event in report.events}


def frozen(world: World) -> list[str]:
    return [row[0] for row in world.rows("select event_id from ops.lifecycle_events order by 1")]


def test_a_dry_run_says_what_would_be_sent_and_why_and_changes_nothing(world: World) -> None:
    world.propose("e1")
    report = emit(world.settings)
    assert (report.dry_run, report.emitted, decisions(report)) == (True, 0, {"e1": "send"})
    assert report.events[0].reason == "Invoice INV/7 is unpaid."
    assert frozen(world) == []
    assert world.rows("select * from ops.webhook_activations") == []


def test_an_event_is_frozen_with_its_payload_and_queued_once(world: World) -> None:
    world.propose("e1")
    assert emit(world.settings, go=True).emitted == 1
    assert emit(world.settings, go=True).emitted == 0
    [(payload, sequence)] = world.rows(
        "select payload, sequence from ops.lifecycle_events"
        " join ops.webhook_deliveries using (event_id)"
    )
    assert payload["invoice"]["total_amount"] == "226.00"
    assert payload["sequence"] == sequence


def test_what_was_emitted_stays_as_it_was_whatever_the_mart_says_later(world: World) -> None:
    world.propose("e1")
    emit(world.settings, go=True)
    before = world.rows("select * from ops.lifecycle_events")
    world.rows("update serving.fct_lifecycle_events set reason = 'other', deployment_id = 'dep-2'")
    emit(world.settings, go=True)
    assert world.rows("select * from ops.lifecycle_events") == before
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        world.rows("update ops.lifecycle_events set reason = 'other'")


def test_events_are_numbered_in_the_order_in_which_they_happened(world: World) -> None:
    world.propose("a-late", occurred_at=START + timedelta(hours=2))
    world.propose("b-early", occurred_at=START + timedelta(hours=1))
    emit(world.settings, go=True)
    rows = world.rows("select event_id from ops.webhook_deliveries order by sequence")
    assert [row[0] for row in rows] == ["b-early", "a-late"]


def test_nothing_is_emitted_for_a_service_that_is_not_enabled(world: World) -> None:
    world.propose("e1", service="nexadesk")
    world.propose("e2", service="unheard-of")
    report = emit(world.settings, go=True)
    assert decisions(report) == {"e1": "off", "e2": "off"}
    assert report.switched_off == ["nexadesk"]
    assert frozen(world) == []


def test_what_waits_for_a_person_is_not_emitted(world: World) -> None:
    world.propose("e1", held_reason="waits for a release")
    report = emit(world.settings, go=True)
    assert (report.held, report.events[0].why) == (1, "waits for a release")
    assert frozen(world) == []


def test_switching_on_sends_no_history(world: World) -> None:
    world.propose("old", occurred_at=START - timedelta(seconds=1))
    world.propose("new", occurred_at=START)
    report = emit(world.settings, go=True)
    assert decisions(report) == {"old": "history", "new": "send"}
    later = load_settings(
        **world.settings.model_dump() | {"billing_as_of": START + timedelta(days=9)}
    )
    world.propose("newer", occurred_at=START + timedelta(days=1))
    assert decisions(emit(later, go=True)) == {"old": "history", "newer": "send"}


def test_of_a_long_history_the_report_shows_examples_and_the_count(world: World) -> None:
    for number in range(120):
        world.propose(f"old{number}", occurred_at=START - timedelta(days=1))
    world.propose("new")
    report = emit(world.settings)
    assert (report.history, len(report.events)) == (120, 101)
    assert decisions(report)["new"] == "send"


def test_history_is_sent_when_asked_for(world: World) -> None:
    world.propose("old", occurred_at=START - timedelta(days=90))
    assert emit(world.settings, go=True, history=True).emitted == 1


def test_who_was_told_of_a_failure_is_told_of_the_payment_however_old_it_is(world: World) -> None:
    world.propose("failed", subject="s")
    emit(world.settings, go=True)
    world.propose(
        "paid", subject="s", previous_event_id="failed", occurred_at=START - timedelta(days=9)
    )
    assert decisions(emit(world.settings, go=True)) == {"paid": "send"}


@pytest.mark.parametrize("previous", [None, "older"])
def test_an_event_that_follows_up_something_else_than_the_latest_is_stale(
    world: World, previous: str | None
) -> None:
    world.propose("older", subject="s")
    emit(world.settings, go=True)
    world.propose("latest", subject="s", previous_event_id="older")
    emit(world.settings, go=True)
    world.propose("stale", subject="s", previous_event_id=previous)
    report = emit(world.settings, go=True)
    assert (report.stale, decisions(report)) == (1, {"stale": "stale"})
    assert "stale" not in frozen(world)


def test_two_emissions_at_once_freeze_each_event_once(world: World) -> None:
    for number in range(40):
        world.propose(f"e{number}", subject=f"s{number}")
    reports: list[EmitReport] = []
    threads = [
        threading.Thread(target=lambda: reports.append(emit(world.settings, go=True)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == len(threads), "none failed on the other's rows"
    assert sum(report.emitted for report in reports) == 40
    assert world.rows("select count(*) from ops.webhook_deliveries") == [(40,)]


def test_an_emission_waits_for_the_one_before_it_and_then_finds_its_events_known(
    world: World,
) -> None:
    world.propose("e1")
    reports: list[EmitReport] = []
    late = threading.Thread(target=lambda: reports.append(emit(world.settings, go=True)))
    with closing(psycopg2.connect(world.settings.warehouse_dsn)) as first:
        with first.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", (EMISSION_LOCK,))
            cursor.execute(
                "insert into ops.lifecycle_events (event_id, event_type, service,"
                " external_subscription_id, subject, cause, occurred_at, payload)"
                " values ('e1', 't', 'nexacloud', 'sub-1', 's', 'c', now(), '{}')"
            )
        late.start()
        late.join(0.5)
        first.commit()
    late.join()
    assert [report.emitted for report in reports] == [0]


def test_without_the_mart_the_mend_is_named(world: World) -> None:
    world.rows("drop table serving.fct_lifecycle_events")
    with pytest.raises(WebhookError, match="billing run"):
        emit(world.settings)
    world.rows("drop schema marts cascade")
    with pytest.raises(WebhookError, match="billing run"):
        emit(world.settings)


def test_the_report_is_json(world: World) -> None:
    world.propose("e1")
    [event] = emit(world.settings).as_json()["events"]
    assert event["occurred_at"] == START.isoformat()


def test_a_release_names_the_ending_and_who_released_it(world: World) -> None:
    ended = START - timedelta(days=2)
    world.propose(
        "e1",
        event_type="subscription.terminated",
        ended_at=ended,
        held_reason="waits",
        external_subscription_id="sub-9",
    )
    got = release_termination(world.settings, "nexacloud", "sub-9", by="Ann", note="asked twice")
    assert got == ended
    assert world.rows(
        "select service, external_subscription_id, ended_at, released_by, note"
        " from ops.termination_releases"
    ) == [("nexacloud", "sub-9", ended, "Ann", "asked twice")]


def test_only_an_ended_subscription_can_be_released(world: World) -> None:
    world.propose("e1")
    with pytest.raises(UnknownEvent, match="waits for a release"):
        release_termination(world.settings, "nexacloud", "sub-1", by="Ann")
