"""What goes wrong while publishing: nothing is sent twice, nothing is lost, everything is told."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from fault_proxy import FaultProxy
from publishing_world import World, ontario

from connections.errors import OdooUnreachable
from connections.odoo import OdooPort
from connections.settings import Settings, load_settings
from publishers import approvals, drafts, policies, preflight, retrying, sending
from publishers.lines import Filters
from publishers.policies import Policy


class Interrupted(Exception):
    """Stands for the end of a process at a point."""


def _interrupt_at(point: str) -> Any:
    def at(name: str) -> None:
        if name == point:
            raise Interrupted

    return at


def test_a_line_that_changed_or_was_revoked_since_it_was_selected_is_not_claimed(
    world: World, customers: SimpleNamespace
) -> None:
    rows = world.lines(customers, 3)
    world.propose(rows)
    world.approve()

    def at(point: str) -> None:
        if point == "before_claim":
            world.propose([{**rows[0], "amount": Decimal("1.00"), "content_hash": "another"}])
            with world.warehouse() as conn:
                key = Filters(line_keys=(rows[1]["line_key"],))
                approvals.revoke(conn, approvals.select_lines(conn, key), by="rex")

    report = world.publish(at=at)
    assert report.created == 1
    assert world.query("select line_key from ops.publication_lines") == [(rows[2]["line_key"],)]


def test_four_eyes_are_asked_for_again_at_claim(world: World, customers: SimpleNamespace) -> None:
    world.propose(world.lines(customers, 1, amount="5000.00"))
    world.approve()

    def at(point: str) -> None:
        if point == "before_claim":
            with world.warehouse() as conn:
                policies.set_policy(
                    conn, Policy("v1", "CAD", four_eyes_amount=Decimal(1000)), by="cfo"
                )

    assert world.publish(at=at).created == 0
    world.approve(by="rex")
    assert world.publish().created == 1


def test_two_publishers_at_once_make_each_document_once(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(world.lines(customers, 6))
    world.approve()
    with ThreadPoolExecutor(2) as pool:
        reports = [future.result() for future in [pool.submit(world.publish) for _ in range(2)]]
    assert sum(report.created for report in reports) == 6
    assert len(world.drafts()) == 6


@pytest.mark.parametrize("point", ["after_claim", "before_request", "after_load", "before_confirm"])
def test_what_a_dead_run_left_is_finished_with_the_frozen_payload(
    world: World, customers: SimpleNamespace, point: str
) -> None:
    rows = world.lines(customers, 2)
    world.propose(rows)
    world.approve()
    with pytest.raises(Interrupted):
        world.publish(at=_interrupt_at(point))
    frozen = world.query("select document_key, payload_hash from ops.publications order by 1")
    assert len(frozen) == 2
    world.propose([{**rows[0], "amount": Decimal("1.00"), "content_hash": "another"}])
    finished = world.publish()
    # What this run finished is no document that it found unchanged.
    assert (finished.created, finished.unchanged) == (2, 0)
    assert [str(move["amount_total"]) for move in world.drafts()] == ["113.0", "113.0"]
    assert (
        world.query("select document_key, payload_hash from ops.publications order by 1") == frozen
    )


def test_the_documents_of_a_run_that_lives_are_left_to_it(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(world.lines(customers, 1))
    world.approve()
    seen: list[Any] = []

    def at(point: str) -> None:
        if point == "after_claim":
            seen.append(world.publish().as_json())

    assert world.publish(at=at).created == 1
    assert [(report["created"], report["documents"]) for report in seen] == [(0, [])]


def test_a_batch_is_split_down_to_the_one_document_that_odoo_refuses(
    world: World, customers: SimpleNamespace
) -> None:
    admin = world.port("admin")
    [gone] = admin.execute("res.partner", "create", [{"name": "Soon gone"}])
    world.propose(
        [*world.lines(customers, 4), world.line(9, **{**ontario(customers), "partner_id": gone})]
    )
    world.approve()

    def at(point: str) -> None:
        if point == "after_claim":
            admin.execute("res.partner", "unlink", [gone])

    report = world.publish(at=at)
    assert (report.created, report.quarantined) == (4, 1)
    [bad] = [document for document in report.documents if document.state == "quarantined"]
    assert bad.partner_id == gone
    assert "No matching record found" in (bad.reason or "")


def test_a_draft_that_is_not_what_was_approved_is_quarantined_with_both_sides(
    world: World, customers: SimpleNamespace
) -> None:
    world.propose(world.lines(customers, 1))
    world.approve()

    def at(point: str) -> None:
        if point == "after_load":
            world.edit_draft(99.99)

    report = world.publish(at=at)
    assert (report.created, report.quarantined, report.is_ok) == (0, 1, False)
    [(detail,)] = world.query(
        "select detail from ops.publication_events where event = 'quarantined'"
    )
    both = {row["field"]: (row["expected"], row["found"]) for row in detail["differences"]}
    assert both["amount_untaxed"] == ("100.00", "99.99")
    assert both["line 1 price"] == ("100.00", "99.99")
    assert "amount_untaxed 100.00 was approved, 99.99 is there" in str(report.documents[0].reason)
    assert world.publish().created == 0


@pytest.mark.both_apis
@pytest.mark.parametrize(
    "fault", ["reset_after", "502_after", "truncated_after", "html_after", "lost_race"]
)
def test_an_unknown_outcome_sends_the_same_again(
    world: World, customers: SimpleNamespace, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0.01)
    world.propose(world.lines(customers, 2))
    world.approve()
    proxy = FaultProxy(world.plain_http(), plan={1: fault})
    report = drafts.publish(load_settings(**{**world.values, "odoo_url": proxy.url}), go=True)
    proxy.close()
    assert proxy.injected == {fault: 1}
    assert report.created == 2
    assert len(world.drafts()) == 2
    assert world.query("select distinct attempts from ops.publications") == [(2,)]
    assert world.query(
        "select count(*) from ops.publication_events where event = 'outcome_unknown'"
    ) == [(2,)]


@pytest.mark.parametrize("failing", [1, 2], ids=["before anything", "with a batch to send"])
def test_a_login_that_fails_in_mid_run_is_tried_again(
    world: World, customers: SimpleNamespace, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(sending, "BATCH_SIZE", 1)
    world.propose(world.lines(customers, 4))
    world.approve()
    connect, logins = OdooPort.connect, list[bool]()

    def sometimes(settings: Settings, publish: bool = False) -> OdooPort:
        logins.append(publish)
        if len(logins) == failing:
            raise OdooUnreachable("the worker that was asked is being restarted")
        return connect(settings, publish)

    monkeypatch.setattr(OdooPort, "connect", sometimes)
    report = world.publish()
    assert (report.created, report.failed) == (4, 0)
    assert len(logins) > failing
    monkeypatch.undo()
    assert len(world.drafts()) == 4


@pytest.fixture
def reader(request: pytest.FixtureRequest, world: World) -> Settings:
    """Settings whose publishing user may only read, or not even that."""
    user = getattr(request, "param", "readonly")
    if user != "readonly":
        world.only_standin("needs a user who may not even read")
    return world.settings_of(user, "odoo_publish")


@pytest.mark.both_apis
@pytest.mark.parametrize("reader", ["readonly", "internal"], indirect=True)
def test_a_missing_right_is_named_before_anything_is_claimed(
    world: World, customers: SimpleNamespace, reader: Settings
) -> None:
    world.propose(world.lines(customers, 2))
    world.approve()
    for go in (False, True):
        report = drafts.publish(reader, go=go)
        assert (report.created, report.held, report.is_ok) == (0, 2, False)
        assert "may not create account.move" in str(report.documents[0].reason)
    assert world.states() == {}
    assert world.publish().created == 2


def test_a_right_that_is_lost_on_the_way_blames_no_document_and_the_next_run_sends_it(
    world: World, customers: SimpleNamespace, reader: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "WRITTEN", ())  # when it was asked, the right was there
    world.propose(world.lines(customers, 2))
    world.approve()
    report = drafts.publish(reader, go=True)
    assert (report.created, report.failed, report.quarantined) == (0, 2, 0)
    assert "grant the publishing user the right" in str(report.documents[0].reason)
    assert set(world.states().values()) == {"sent"}
    assert world.publish().created == 2


def test_an_odoo_that_never_answers_leaves_the_documents_to_the_next_run(
    world: World, customers: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0.001)
    world.propose(world.lines(customers, 2))
    world.approve()
    proxy = FaultProxy(world.plain_http(), plan=dict.fromkeys(range(1, 9), "502_after"))
    report = drafts.publish(load_settings(**{**world.values, "odoo_url": proxy.url}), go=True)
    proxy.close()
    assert (report.created, report.failed, report.is_ok) == (0, 2, False)
    assert world.query("select state, attempts from ops.publications") == [("sent", 5)] * 2
    assert world.publish().created == 2
    assert len(world.drafts()) == 2


def test_after_a_failure_nothing_more_is_claimed(
    world: World, customers: SimpleNamespace, reader: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sending, drafts):
        monkeypatch.setattr(module, "BATCH_SIZE", 1)
    monkeypatch.setattr(drafts, "CLAIM_SIZE", 1)
    monkeypatch.setattr(preflight, "WRITTEN", ())
    world.propose(world.lines(customers, 6))
    world.approve()
    report = drafts.publish(reader, go=True)
    # Two are in flight and a few claimed ahead, as threads go, when the first answer comes.
    assert len(world.states()) < 6
    assert report.failed >= 1
    assert world.publish().created == 6
