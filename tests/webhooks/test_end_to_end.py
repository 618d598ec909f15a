"""The control loop on the sandbox, from Odoo and NexaCloud to the app and back to silence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from webhook_world import SECRET, SECRET_NAME, URL_NAME

from connections.settings import Settings, load_settings
from publishers.webhooks import release_termination
from sandbox.receiver import Inbox

sys.path.insert(0, str(Path(__file__).parents[1] / "rating" / "support"))

from lifecycle_story import Story, now, running_receiver
from rating_world import Dbt

FAILED = "invoice.payment_failed"
SUCCEEDED = "invoice.payment_succeeded"
REVERSED = "invoice.payment_reversed"
TERMINATED = "subscription.terminated"
MAY_25 = date(2026, 5, 25)


def at_noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture
def story(
    settings: Settings,
    nexacloud_owner_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    inbox = Inbox()
    with running_receiver(inbox) as url:
        monkeypatch.setenv(URL_NAME, url)
        monkeypatch.setenv(SECRET_NAME, SECRET)
        host = url.split("/")[2]
        values: dict[str, Any] = {name: getattr(settings, name) for name in Settings.model_fields}
        values |= {"webhook_private_hosts": host, "webhook_http_hosts": host}
        dbt = Dbt(settings.warehouse_dsn, tmp_path / "target")
        dbt.parse()
        yield Story(load_settings(**values), nexacloud_owner_dsn, dbt, inbox)


def test_the_control_loop_from_overdue_to_terminated(story: Story) -> None:
    (paying, mine), (carded, theirs), (quiet, _), *_ = story.deployments().items()
    for subscription in (paying, carded):
        story.open_gate(subscription)
    ours = story.published(MAY_25, paying, quiet)
    far = now().date() + timedelta(days=60)
    declined, fixed = story.published(far, carded), story.published(far, carded)
    story.pay(story.invoice(MAY_25))
    story.invoice(MAY_25)  # an accountant's own, as overdue as ours

    assert story.told(at_noon(MAY_25)) == [], "switched on; nothing is due"
    assert story.told(at_noon(MAY_25 + timedelta(days=6))) == [], "within the grace"

    overdue = at_noon(MAY_25 + timedelta(days=8))
    assert story.told(overdue) == [(FAILED, one) for one in mine]
    [event, *_] = story.inbox.effects
    assert event["external_subscription_id"] == paying
    assert event["invoice"]["total_amount"] == "100.00"
    assert event["invoice"]["odoo_id"] == ours
    assert story.inbox.deployments[mine[0]] == "suspended"
    assert story.told(overdue) == [], "rerun, nothing"

    payment = story.pay(ours)
    assert story.told(overdue) == [(SUCCEEDED, one) for one in mine]
    assert story.inbox.deployments[mine[0]] == "running"
    assert story.told(overdue, full_refresh=True) == [], "a full refresh tells nothing again"

    story.admin.execute("account.payment", "action_cancel", [payment])
    story.charge(declined, "error", "Card declined")
    story.charge(fixed, "error", "Card declined")
    assert story.told(now() + timedelta(days=6)) == [], "may be fixed within the grace"
    story.pay(fixed)
    told = story.told(now() + timedelta(days=8))
    assert sorted(told) == sorted(
        [(REVERSED, one) for one in mine]
        + [(FAILED, one) for one in theirs]
        + [(SUCCEEDED, one) for one in theirs]
    )
    failed = [event for event in story.inbox.effects if event["type"] == FAILED]
    assert failed[-1]["invoice"]["odoo_id"] == declined
    assert "Card declined" in failed[-1]["reason"]
    story.pay(ours)
    assert story.told(now() + timedelta(days=8)) == [(SUCCEEDED, one) for one in mine]

    ended = at_noon(MAY_25 + timedelta(days=4))
    later = now() + timedelta(days=9)
    story.end_subscription(paying, ended)
    assert story.told(later, whole=True) == [], "waits for a person"
    held = [note for note in story.proposed(later).events if note.decision == "held"]
    assert {note.event_type for note in held} == {TERMINATED}
    assert release_termination(story.at(later), "nexacloud", paying, by="Ann") == ended
    assert story.told(later) == [(TERMINATED, one) for one in mine]
    assert story.inbox.deployments[mine[0]] == "deprovisioned"
    assert story.told(later, full_refresh=True) == [], "rerun, nothing"

    ids = [event["id"] for event in story.inbox.effects]
    assert len(ids) == len(set(ids))
