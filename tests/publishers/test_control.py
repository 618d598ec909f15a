"""After publishing: every change of what is ours is noticed, nothing comes back by itself."""

from decimal import Decimal
from typing import Any

import pytest
from publishing_world import World

from connections.settings import load_settings
from publishers import approvals, credits, release
from publishers.credits import CreditError
from publishers.ledger import Run
from publishers.lines import Filters
from publishers.release import ReleaseError
from sandbox.standin import login_as


def _move_id(world: World) -> int:
    return int(world.drafts()[0]["id"])


def _release(world: World, by: str = "fay") -> Any:
    [(key,)] = world.query("select document_key from ops.publications where state <> 'released'")
    with world.warehouse() as conn:
        return release.release(conn, world.port(), key, Run(by, "release", lambda _point: None))


def _post(world: World) -> None:
    world.port("admin").execute("account.move", "action_post", [_move_id(world)])


def _delete(world: World) -> None:
    world.port("admin").execute("account.move", "unlink", [_move_id(world)])


def _cancel(world: World) -> None:
    world.port("admin").execute("account.move", "button_cancel", [_move_id(world)])


def _edit(world: World) -> None:
    world.edit_draft(90)


def _post_later(world: World) -> None:
    values = {"auto_post": "at_date"}
    world.port().execute("account.move", "write", [_move_id(world)], values)


def _post_as_bot(world: World) -> None:
    world.port().execute("account.move", "action_post", [_move_id(world)])


@pytest.mark.parametrize(
    ("what_happens", "finding", "is_alarm"),
    [
        (_post, "posted", False),
        (_delete, "deleted", True),
        (_cancel, "cancelled", True),
        (_edit, "edited", True),
        (_post_later, "edited", True),
        (_post_as_bot, "posted_by_bot", True),
    ],
)
def test_a_change_is_found_once_and_told_as_long_as_it_stands(
    published: World, what_happens: Any, finding: str, is_alarm: bool
) -> None:
    if finding == "posted":
        published.only_standin("the one user of a real Odoo is the publishing one")
    what_happens(published)
    first, second = published.publish(), published.publish()
    assert [alarm["finding"] for alarm in first.alarms] == ([finding] if is_alarm else [])
    assert [alarm["is_new"] for alarm in first.alarms + second.alarms] == (
        [True, False] if is_alarm else []
    )
    says = {"edited": "was approved", "posted_by_bot": "rotate it"}.get(finding, "billing release")
    assert all(says in alarm["says"] for alarm in first.alarms)
    assert (first.is_ok, second.is_ok) == (not is_alarm, True)
    assert published.query("select finding from ops.publications") == [(finding,)]
    assert published.query(
        "select count(*) from ops.publication_events where event = 'finding'"
    ) == [(1,)]
    assert first.created == second.created == 0


def test_an_untouched_draft_is_no_finding(published: World) -> None:
    report = published.publish()
    assert (report.unchanged, report.alarms) == (1, [])
    assert published.query("select finding from ops.publications") == [(None,)]


def test_an_edit_after_an_edit_is_news_again(published: World) -> None:
    _edit(published)
    published.publish()
    published.edit_draft(80)
    [alarm] = published.publish().alarms
    assert alarm["is_new"]
    both = {row["field"]: (row["expected"], row["found"]) for row in alarm["differences"]}
    assert both["line 1 price"][0] == "100.00"
    assert Decimal(both["line 1 price"][1]) == 80


@pytest.mark.parametrize("what_happens", [_delete, _cancel])
def test_a_draft_that_is_gone_comes_back_only_after_a_release_by_a_person(
    published: World, what_happens: Any
) -> None:
    what_happens(published)
    assert published.publish().created == 0
    released = _release(published)
    assert len(released.line_keys) == 1
    assert published.publish().created == 1
    assert sorted(published.states().values()) == ["confirmed", "released"]
    keys = published.query("select document_key from ops.publications order by document_number")
    assert [key.rsplit("-", 1)[1] for (key,) in keys] == ["1", "2"]


@pytest.mark.parametrize("republished", [True, False])
def test_a_released_document_that_is_back_is_an_alarm_and_holds_its_time(
    published: World, republished: bool
) -> None:
    first = _move_id(published)
    _cancel(published)
    _release(published)
    if republished:
        assert published.publish().created == 1
    admin = published.port("admin")
    admin.execute("account.move", "button_draft", [first])
    for is_new in (True, False):
        report = published.publish()
        [alarm] = report.alarms
        assert (alarm["finding"], alarm["is_new"]) == ("released_document_is_back", is_new)
        assert report.created == 0
        assert report.is_ok != is_new
        if not republished:
            assert "was released as gone" in str(report.documents[0].reason)
    assert published.query("select is_alarm from ops.publication_findings") == [(True,)]
    admin.execute("account.move", "button_cancel", [first])
    report = published.publish()
    assert (report.alarms, report.created) == ([], 0 if republished else 1)


def test_posted_by_bot_stands_until_a_person_acknowledges_it(published: World) -> None:
    """A payment, or anybody, writes to the invoice: who posted it does not change by that."""
    published.only_standin("the one user of a real Odoo is the publishing one")
    _post_as_bot(published)
    published.publish()
    admin = published.port("admin")
    admin.execute("account.move", "write", [_move_id(published)], {"narration": "thank you"})
    [alarm] = published.publish().alarms
    assert alarm["finding"] == "posted_by_bot"
    published.query(
        "create table marts.fct_billing_exceptions as"
        " select left(encode(sha256(convert_to('publication_alarm|' || service || '|'"
        " || document_key, 'UTF8')), 'hex'), 32) as exception_key, '' as facts_hash"
        " from ops.publications; set local billing.identity = 'fay';"
        " insert into ops.exception_acknowledgements (exception_key, facts_hash)"
        " select * from marts.fct_billing_exceptions"
    )
    assert published.publish().alarms == []
    assert published.query("select finding from ops.publications") == [("posted",)]


def test_whoever_ever_published_may_not_post(published: World) -> None:
    published.only_standin("the one user of a real Odoo is the publishing one")
    _post_as_bot(published)
    settings = load_settings(**{**published.values, **login_as("admin", "publish")})
    report = World(settings, published.service).publish()
    assert [alarm["finding"] for alarm in report.alarms] == ["posted_by_bot"]


def test_a_dry_run_looks_back_and_writes_nothing(published: World) -> None:
    _cancel(published)
    report = published.publish(go=False)
    assert [alarm["finding"] for alarm in report.alarms] == ["cancelled"]
    assert published.query("select finding from ops.publications") == [(None,)]
    assert [alarm["is_new"] for alarm in published.publish().alarms] == [True]


def test_a_document_that_odoo_still_holds_is_not_released(published: World) -> None:
    with pytest.raises(ReleaseError, match=r"Odoo holds .* draft: cancel or delete it there first"):
        _release(published)
    with pytest.raises(ReleaseError, match="needs a name"):
        _release(published, by=" ")


def test_an_answer_that_never_came_holds_a_release_back(published: World) -> None:
    _delete(published)
    published.query(
        "insert into ops.publication_events (document_key, event)"
        " select document_key, 'outcome_unknown' from ops.publications"
    )
    with pytest.raises(ReleaseError, match="may still be at work"):
        _release(published)


def test_a_line_in_a_document_cannot_be_revoked_any_more(published: World) -> None:
    with published.warehouse() as conn:
        lines = approvals.select_lines(conn, Filters())
        decisions = approvals.revoke(conn, lines, by="fay")
    assert not decisions.written
    assert "cancel or delete the draft" in decisions.refused[lines[0].line_key]


def test_a_credit_is_asked_for_approved_and_published_once_linked_to_its_original(
    published: World,
) -> None:
    _post(published)
    published.publish()
    original = _move_id(published)
    with published.warehouse() as conn:
        key = credits.credit(
            conn, published.line(1)["line_key"], by="fay", amount=Decimal("30.00"), note="outage"
        )
    assert published.publish().created == 0
    assert published.approve(line_keys=(key,)).written == [key]
    report = published.publish()
    assert report.created == 1
    assert published.publish().created == 0
    document = report.documents[0]
    assert (document.move_type, str(document.totals.total if document.totals else None)) == (
        "out_refund",
        "33.90",
    )
    assert document.lines[0].description == "Credit: Hosting of deployment 1, May 2026 (outage)"
    [note] = published.port().read(
        "account.move", [document.odoo_id or 0], ["reversed_entry_id", "amount_total", "state"]
    )
    assert (note["reversed_entry_id"][0], note["state"]) == (original, "draft")
    assert Decimal(str(note["amount_total"])) == Decimal("33.90")


def test_a_posted_credit_note_is_a_finding_of_its_original(published: World) -> None:
    published.only_standin("the one user of a real Odoo is the publishing one")
    _post(published)
    published.publish()
    with published.warehouse() as conn:
        key = credits.credit(conn, published.line(1)["line_key"], by="fay")
    published.approve(line_keys=(key,))
    odoo_id = published.publish().documents[0].odoo_id
    published.port("admin").execute("account.move", "action_post", [odoo_id])
    published.publish()
    findings = dict(published.query("select move_type, finding from ops.publications"))
    assert findings == {"out_invoice": "credited", "out_refund": "posted"}


def test_a_credit_waits_for_the_posting_of_its_original(published: World) -> None:
    with published.warehouse() as conn:
        key = credits.credit(conn, published.line(1)["line_key"], by="fay")
    published.approve(line_keys=(key,))
    report = published.publish()
    assert (report.created, report.held) == (0, 1)
    assert "post it" in str(report.documents[0].reason)


def test_no_more_is_credited_than_was_billed(published: World) -> None:
    with published.warehouse() as conn:
        credits.credit(conn, published.line(1)["line_key"], by="fay", amount=Decimal("60.00"))
        with pytest.raises(CreditError, match=r"has 40.00 CAD left"):
            credits.credit(conn, published.line(1)["line_key"], by="fay", amount=Decimal("40.01"))
        with pytest.raises(CreditError, match="in no confirmed document"):
            credits.credit(conn, "unknown", by="fay")


@pytest.mark.parametrize(
    "amount", ["0.004", "0.005", "12.345", "NaN", "Infinity", "-5", "1E-30", "0"]
)
def test_a_credit_is_money_of_its_currency(published: World, amount: str) -> None:
    with published.warehouse() as conn, pytest.raises(CreditError):
        credits.credit(conn, published.line(1)["line_key"], by="fay", amount=Decimal(amount))
    assert published.query("select count(*) from ops.credit_requests") == [(0,)]


def test_a_rejected_credit_is_final_and_gives_its_amount_back(published: World) -> None:
    line_key = published.line(1)["line_key"]
    with published.warehouse() as conn:
        asked = credits.credit(conn, line_key[:10], by="fay", amount=Decimal("60.00"))
        with pytest.raises(CreditError, match=r"asked for already: fay 60.00 on"):
            credits.credit(conn, line_key, by="dan", amount=Decimal("50.00"))
        lines = approvals.select_lines(conn, Filters(line_keys=(asked,)))
        approvals.reject(conn, lines, by="dan", note="the outage was ours to bear")
        # Somebody who still has the rejected credit before his eyes cannot bring it back.
        approvals.approve(conn, lines, by="fay")
        assert credits.publishable(conn, Filters()) == []
        again = credits.credit(conn, line_key, by="fay")
        [line] = approvals.select_lines(conn, Filters(line_keys=(again,)))
    assert line.amount == Decimal("-100.00")
