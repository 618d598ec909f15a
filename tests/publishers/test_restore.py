"""A ledger that came back from a backup: nothing is billed again, and what was lost is adopted."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from publishing_world import JUNE, MAY, World, content_hash, ontario

from publishers import credits, lost_lines, restore
from publishers.credits import CreditError
from publishers.ledger import Run

TABLES = ("publication_events", "publication_lines", "publications")


def _real_key(row: dict[str, Any]) -> dict[str, Any]:
    """The key that the models give such a line, so that it can be told again."""
    start = row["corrects_period_start"] or row["service_period_start"]
    if row["kind"] == "adjustment":
        parts = ("adjustment", row["charge"], row["currency"], lost_lines._iso(start))
        parts = (*parts, str(row["adjustment_number"]))
    else:
        parts = (row["kind"], row["charge"], lost_lines._iso(row["segment_start"]), "", "0")
    keyed = {**row, "line_key": lost_lines._key(row, start, parts)}
    return {**keyed, "content_hash": content_hash(keyed)}


def _lines(world: World, customers: SimpleNamespace) -> list[dict[str, Any]]:
    rows = [*world.lines(customers, 2), world.line(7, **ontario(customers))]
    return [_real_key(row) for row in rows]


def _lose(world: World, *more: str) -> None:
    """As an older backup: the rows of the ledger are not there."""
    for table in (*TABLES, *more):
        world.administer(f"alter table ops.{table} disable trigger user; delete from ops.{table};"
                    f" alter table ops.{table} enable trigger user")  # fmt: skip


def _restore(world: World, *, go: bool) -> list[restore.Restored]:
    with world.warehouse() as conn:
        run = Run("fay", "restore", lambda _point: None)
        return restore.restore(conn, world.port(), "marts", run, go=go)


@pytest.fixture
def lost(world: World, customers: SimpleNamespace) -> World:
    """Two drafts of three lines, and a ledger that knows nothing of them."""
    world.propose(_lines(world, customers))
    world.approve()
    assert world.publish().created == 2
    _lose(world)
    return world


def test_nothing_is_claimed_with_a_ledger_that_is_older_than_odoo(
    lost: World, customers: SimpleNamespace
) -> None:
    june = lost.line(9, subscription="sub-7", period=JUNE, **ontario(customers))
    lost.propose([june])
    lost.approve()
    before = lost.drafts()
    for report in (lost.publish(go=False), lost.publish()):
        assert (report.created, report.is_ok) == (0, False)
        assert "2 document(s) that the ledger does not know" in str(report.stopped)
        assert all(move["ref"] in str(report.stopped) for move in before)
        assert {document.state for document in report.documents} == {"held"}
    assert lost.drafts() == before
    assert lost.states() == {}


def test_a_restore_shows_first_and_then_adopts_each_document_once(
    lost: World, customers: SimpleNamespace
) -> None:
    shown = _restore(lost, go=False)
    assert [each.problem for each in shown] == [None, None]
    assert lost.states() == {}
    adopted = _restore(lost, go=True)
    assert {each.document_key for each in adopted} == {move["ref"] for move in lost.drafts()}
    assert set(lost.states().values()) == {"confirmed"}
    assert _restore(lost, go=True) == []
    frozen = lost.query(
        "select line_key, content_hash, amount, billing_period_start, billing_period_end"
        " from ops.publication_lines join ops.publications using (document_key) order by 1"
    )
    expected = sorted(_lines(lost, customers), key=lambda row: str(row["line_key"]))
    assert frozen == [
        (row["line_key"], row["content_hash"], row["amount"], *MAY) for row in expected
    ]
    # What was adopted is as good as what was claimed: nothing again, and an edit is noticed.
    again = lost.publish()
    assert (again.created, again.unchanged, again.alarms, again.is_ok) == (0, 2, [], True)
    move_id = lost.drafts()[0]["id"]
    lost.port("admin").execute("account.move", "button_cancel", [move_id])
    assert [alarm["finding"] for alarm in lost.publish().alarms] == ["cancelled"]


def test_a_line_that_is_rated_otherwise_since_is_told_by_its_key(
    world: World, customers: SimpleNamespace
) -> None:
    own = ontario(customers)
    first = _real_key(world.line(1, **own))
    more = world.line(2, subscription="sub-1", kind="adjustment", amount="7.00", segment_end=None,
                      corrects_period_start=MAY[0], adjustment_number=1,
                      assumed_billed_amount=Decimal("100.00"), **own)  # fmt: skip
    world.propose([first])
    world.approve()
    world.publish()
    world.propose([_real_key(more)])
    world.approve()
    assert world.publish().created == 1
    _lose(world)
    # Rated again without a ledger: one ordinary line of the whole, and no adjustment.
    world.query("delete from marts.fct_invoice_lines")
    world.propose([_real_key({**first, "amount": Decimal("107.00")})])
    assert [each.problem for each in _restore(world, go=True)] == [None, None]
    assert world.query(
        "select kind, amount, adjustment_number, corrects_period_start"
        " from ops.publication_lines order by kind"
    ) == [("adjustment", Decimal("7.00"), 1, MAY[0]), ("base", Decimal("100.00"), None, None)]


def test_a_lost_credit_is_adopted_with_its_request(
    world: World, customers: SimpleNamespace
) -> None:
    row = _real_key(world.line(1, **ontario(customers)))
    world.propose([row])
    world.approve()
    original = world.publish().documents[0].odoo_id
    world.port("admin").execute("account.move", "action_post", [original])
    with world.warehouse() as conn:
        key = credits.credit(
            conn, row["line_key"], by="fay", amount=Decimal("30.00"), note="outage"
        )
    world.approve(line_keys=(key,))
    assert world.publish().created == 1
    _lose(world, "credit_requests")
    assert [each.problem for each in _restore(world, go=False)] == [None, None]
    assert [each.problem for each in _restore(world, go=True)] == [None, None]
    assert world.query("select line_key from ops.publication_lines where kind = 'credit'") == [
        (key,)
    ]
    assert world.query("select reversed_document_key is not null, move_type"
                       " from ops.publications order by odoo_id") == [
        (False, "out_invoice"), (True, "out_refund")]  # fmt: skip
    with world.warehouse() as conn, pytest.raises(CreditError, match=r"has 70.00 CAD left"):
        credits.credit(conn, row["line_key"], by="fay", amount=Decimal("70.01"))
    assert world.publish().created == 0


def test_what_cannot_be_told_is_left_to_a_person_and_holds_the_run(lost: World) -> None:
    lost.query("delete from marts.fct_invoice_lines")
    found = _restore(lost, go=True)
    assert all("are of no charge and period" in str(each.problem) for each in found)
    assert lost.states() == {}
    assert lost.publish().stopped
