"""Automatic approval: what is like the last bill, and never against a person."""

from decimal import Decimal
from typing import Any

import pytest
from publishing_world import JUNE, World

from publishers import approvals, policies
from publishers.lines import Filters
from publishers.policies import Policy


@pytest.mark.parametrize(
    ("amount", "is_approved"),
    [("105.00", True), ("95.00", True), ("105.01", False), ("2000.00", False)],
)
def test_an_automatic_policy_approves_what_is_like_the_last_bill(
    published: World, amount: str, is_approved: bool
) -> None:
    june = published.line(2, subscription="sub-1", period=JUNE, amount=amount)
    published.propose([june])
    with published.warehouse() as conn:
        policy = Policy("v3", "CAD", is_automatic=True, within_percent=Decimal(5))
        policies.set_policy(conn, policy, by="cfo")
        assert bool(policies.approve_automatically(conn).written) == is_approved
        assert policies.approve_automatically(conn).written == []
    by_policy = published.query(
        "select line_key, decided_by, policy_version, note from ops.line_approvals"
        " where policy_version is not null"
    )
    if is_approved:
        assert by_policy == [
            (june["line_key"], "policy:v3", "v3", "within 5 % of 100.00 CAD, billed before")
        ]
    else:
        assert by_policy == []


def test_an_automatic_policy_never_overrules_a_person_or_four_eyes(published: World) -> None:
    published.propose([published.line(2, subscription="sub-1", period=JUNE)])
    four_eyes = Policy(
        "v1", "CAD", is_automatic=True, within_percent=Decimal(5), four_eyes_amount=Decimal(100)
    )
    plain = Policy("v2", "CAD", is_automatic=True, within_percent=Decimal(5))
    with published.warehouse() as conn:
        policies.set_policy(conn, four_eyes, by="cfo")
        assert policies.approve_automatically(conn).written == []
        policies.set_policy(conn, plain, by="cfo")
        lines = approvals.select_lines(conn, Filters(period="2026-06"))
        approvals.reject(conn, lines, by="fay")
        assert policies.approve_automatically(conn).written == []


def test_an_automatic_policy_gives_way_to_a_no_that_comes_at_the_same_moment(
    published: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    june = published.line(2, subscription="sub-1", period=JUNE)
    published.propose([june])
    decide = policies.approve

    def person_first(conn: Any, lines: Any, **options: Any) -> Any:
        approvals.reject(conn, lines, by="fay")
        return decide(conn, lines, **options)

    monkeypatch.setattr(policies, "approve", person_first)
    with published.warehouse() as conn:
        policy = Policy("v1", "CAD", is_automatic=True, within_percent=Decimal(5))
        policies.set_policy(conn, policy, by="cfo")
        given = policies.approve_automatically(conn)
    assert given.written == []
    assert "fay said reject" in given.refused[june["line_key"]]
