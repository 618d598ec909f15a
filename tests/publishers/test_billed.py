"""At claim: no service time and no money that the ledger has billed already."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from publishing_world import JUNE, MAY, World, ontario

from publishers import policies
from publishers.policies import Policy

# The month of May in Vancouver: three hours later than in Toronto.
LATER_MAY = (datetime(2026, 5, 1, 7, tzinfo=UTC), datetime(2026, 6, 1, 7, tzinfo=UTC))


def _reason(report: Any) -> str:
    [held] = [document for document in report.documents if document.state == "held"]
    return str(held.reason)


def _publish(world: World, *rows: dict[str, Any], **options: Any) -> Any:
    world.propose(rows)
    world.approve()
    return world.publish(**options)


@pytest.mark.parametrize(
    ("changes", "created"),
    [
        ({}, 0),
        ({"charge": "cpu_seconds", "kind": "usage"}, 1),
        ({"subscription": "sub-9"}, 1),
        ({"segment_start": MAY[1], "segment_end": LATER_MAY[1]}, 1),
        ({"corrected_period_starts": [MAY[0]]}, 1),
    ],
    ids=["the same", "another charge", "another subscription", "not held then", "corrected since"],
)
def test_service_time_that_is_billed_under_another_start_is_held(
    published: World, customers: SimpleNamespace, changes: dict[str, Any], created: int
) -> None:
    row = {"subscription": "sub-1", "period": LATER_MAY, **ontario(customers), **changes}
    report = _publish(published, published.line(2, **row))
    assert (report.created, report.held) == (created, 1 - created)
    if not created:
        for named in ("2026-05-01T04:00:00", "2026-05-01T07:00:00", f"{published.service}-"):
            assert named in _reason(report)


def test_two_lines_of_one_run_are_not_for_the_same_time(
    world: World, customers: SimpleNamespace
) -> None:
    own = ontario(customers)
    later = world.line(2, subscription="sub-1", period=LATER_MAY, **own)
    report = _publish(world, world.line(1, **own), later)
    assert (report.created, len(world.drafts())) == (0, 0)
    assert all("of this run" in str(document.reason) for document in report.documents)


def test_months_that_only_touch_are_billed_one_after_the_other(
    published: World, customers: SimpleNamespace
) -> None:
    june = published.line(2, subscription="sub-1", period=JUNE, **ontario(customers))
    assert _publish(published, june).created == 1


def test_an_automatic_policy_does_not_take_the_same_month_for_an_earlier_one(
    published: World, customers: SimpleNamespace
) -> None:
    row = {"subscription": "sub-1", "period": LATER_MAY, **ontario(customers)}
    published.propose([published.line(2, **row)])
    with published.warehouse() as conn:
        policy = Policy("v1", "CAD", is_automatic=True, within_percent=Decimal(5))
        policies.set_policy(conn, policy, by="cfo")
        assert policies.approve_automatically(conn).written == []


def _adjustment(world: World, customers: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    of_may = {"corrects_period_start": MAY[0], "adjustment_number": 1, "kind": "adjustment"}
    assumed = {"assumed_billed_amount": Decimal("100.00"), "amount": "5.00"}
    row = {**of_may, **assumed, **ontario(customers), **changes}
    return world.line(2, subscription="sub-1", segment_end=None, **row)


@pytest.mark.parametrize(
    ("assumed", "created"), [("100.00", 1), ("95.00", 0), (None, 0)], ids=["same", "less", "unsaid"]
)
def test_a_line_that_was_made_before_something_was_billed_is_held(
    published: World, customers: SimpleNamespace, assumed: str | None, created: int
) -> None:
    amount = None if assumed is None else Decimal(assumed)
    row = _adjustment(published, customers, assumed_billed_amount=amount)
    report = _publish(published, row)
    assert (report.created, report.held) == (created, 1 - created)
    if not created:
        assert "billed since it was made" in _reason(report)


def test_an_adjustment_that_was_made_before_another_is_held(
    published: World, customers: SimpleNamespace
) -> None:
    nothing = _adjustment(published, customers, amount="0.00")
    free = {**nothing, "amount": Decimal("-5.00"), "unit_price": Decimal("-5.00")}
    more = {**nothing, "line_key": "more", "amount": Decimal("5.00"), "unit_price": Decimal("5.00")}
    # Together they change nothing of the amount, and yet something happened in between.
    assert _publish(published, {**free, "content_hash": "free"}, more).created == 1
    late = _adjustment(published, customers, adjustment_number=2)
    report = _publish(published, {**late, "line_key": "late"})
    assert report.created == 0
    assert "billed since it was made" in _reason(report)


def test_a_dry_run_holds_what_a_run_would_hold(
    published: World, customers: SimpleNamespace
) -> None:
    row = _adjustment(published, customers, assumed_billed_amount=Decimal(0))
    report = _publish(published, row, go=False)
    assert (report.held, report.unchanged) == (1, 1)


def test_a_credit_note_is_never_linked_to_the_invoice_of_another_customer(
    world: World, customers: SimpleNamespace
) -> None:
    first = world.line(1, amount="200.00", **ontario(customers))
    world.propose([first])
    world.approve()
    world.publish()
    less = world.line(2, subscription="sub-1", kind="adjustment", amount="-50.00",
                      corrects_period_start=first["service_period_start"], adjustment_number=1,
                      assumed_billed_amount=Decimal("200.00"), **ontario(customers, 1))  # fmt: skip
    world.propose([less])
    world.approve()
    assert world.publish().created == 1
    [note] = [move for move in world.drafts() if move["move_type"] == "out_refund"]
    [read] = world.port().read("account.move", [note["id"]], ["reversed_entry_id"])
    assert read["reversed_entry_id"] is False
