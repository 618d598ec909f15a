"""A line is approved at its hash, by a name, by as many people as its amount requires."""

from decimal import Decimal

import pytest
from publishing_world import JUNE, World, line

from publishers import approvals, gates, policies
from publishers.approvals import ApprovalError
from publishers.lines import Filters
from publishers.policies import Policy


def _states(world: World) -> dict[str, str]:
    return dict(
        world.query(
            "select external_subscription_id, approval_state from serving.fct_invoice_line_status"
        )
    )


def _publishable(world: World) -> set[str]:
    rows = world.query("select external_subscription_id from serving.invoice_lines_to_publish")
    return {row[0] for row in rows}


def test_an_approval_is_for_the_hash_that_was_seen(warehouse_world: World) -> None:
    world = warehouse_world
    world.propose([line(1), line(2)])
    world.approve(external_subscription_id="sub-1")
    assert _publishable(world) == {"sub-1"}
    world.propose([line(1, amount="120.00")])
    assert _publishable(world) == set()


def test_what_changed_since_is_told_with_both_values(warehouse_world: World) -> None:
    world = warehouse_world
    world.propose([line(1), line(2)])
    world.approve()
    world.propose([line(1, amount="120.00", description="Hosting, dearer")])
    with world.warehouse() as conn:
        changes = approvals.changes_since_approval(conn)
    assert [(change.line_key, change.approved_by) for change in changes] == [
        (line(1)["line_key"], "fay")
    ]
    assert dict(changes[0].values) == {
        "amount": ("100.00", "120.00"),
        "unit_price": ("100.00", "120.00"),
        "description": ("Hosting of deployment 1, May 2026", "Hosting, dearer"),
    }


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        ({"period": "2026-05"}, {"sub-1", "sub-2"}),
        ({"period": "2026-06"}, {"sub-3"}),
        ({"partner_id": 8}, {"sub-2"}),
        ({"kind": "usage"}, {"sub-2"}),
        ({"service": "nexadesk"}, {"sub-3"}),
        ({"external_subscription_id": "sub-1"}, {"sub-1"}),
        ({}, {"sub-1", "sub-2", "sub-3"}),
    ],
)
def test_filters_mean_what_they_say(
    warehouse_world: World, filters: dict[str, object], meant: set[str]
) -> None:
    warehouse_world.propose(
        [
            line(1, partner_id=7),
            # On another plan since June: a month is that of the period, not of the segment.
            line(2, partner_id=8, kind="usage", segment_start=JUNE[0]),
            line(3, partner_id=7, period=JUNE, service="nexadesk"),
        ]
    )
    with warehouse_world.warehouse() as conn:
        found = approvals.select_lines(conn, Filters(**filters))  # type: ignore[arg-type]
    assert {row.content["external_subscription_id"] for row in found} == meant


def test_the_latest_word_counts_and_every_word_is_kept(warehouse_world: World) -> None:
    world = warehouse_world
    world.propose([line(1)])
    with world.warehouse() as conn:
        lines = approvals.select_lines(conn, Filters())
        approvals.approve(conn, lines, by="fay", note="checked")
        approvals.reject(conn, lines, by="rex", note="too much")
        assert _states(world) == {"sub-1": "rejected"}
        approvals.approve(conn, lines, by="fay")
        assert _states(world) == {"sub-1": "approved"}
        approvals.revoke(conn, lines, by="fay")
        assert _states(world) == {"sub-1": "revoked"}
    kept = world.query(
        "select decision, decided_by, note, amount, content ->> 'description'"
        " from ops.line_approvals order by approval_id"
    )
    assert [row[:3] for row in kept] == [
        ("approve", "fay", "checked"),
        ("reject", "rex", "too much"),
        ("approve", "fay", None),
        ("revoke", "fay", None),
    ]
    assert {row[3:] for row in kept} == {(Decimal("100.00"), "Hosting of deployment 1, May 2026")}


def test_saying_the_same_twice_writes_once(warehouse_world: World) -> None:
    world = warehouse_world
    world.propose([line(1)])
    assert world.approve().written == [line(1)["line_key"]]
    assert world.approve().unchanged == [line(1)["line_key"]]
    assert world.query("select count(*) from ops.line_approvals") == [(1,)]


def test_a_decision_without_a_name_is_refused(warehouse_world: World) -> None:
    warehouse_world.propose([line(1)])
    with pytest.raises(ApprovalError, match="needs a name"):
        warehouse_world.approve(by="  ")


def test_above_the_amount_two_different_people_are_needed(warehouse_world: World) -> None:
    world = warehouse_world
    world.propose([line(1, amount="999.99"), line(2, amount="1000.00")])
    with world.warehouse() as conn:
        policies.set_policy(conn, Policy("v1", "CAD", four_eyes_amount=Decimal(1000)), by="cfo")
    world.approve(by="fay")
    assert _states(world) == {"sub-1": "approved", "sub-2": "waiting"}
    world.approve(by=" Fay")
    assert _states(world)["sub-2"] == "waiting"
    world.approve(by="rex")
    assert _states(world)["sub-2"] == "approved"


@pytest.mark.parametrize(("general", "own"), [(100, 1000), (1000, 100)])
def test_the_strictest_four_eyes_amount_counts_whoever_it_is_for(
    warehouse_world: World, general: int, own: int
) -> None:
    world = warehouse_world
    world.propose([line(1, amount="500.00"), line(2, amount="500.00", service="nexadesk")])
    with world.warehouse() as conn:
        policies.set_policy(conn, Policy("all", "CAD", four_eyes_amount=Decimal(general)), by="cfo")
        cloud = Policy("cloud", "CAD", service="nexacloud", four_eyes_amount=Decimal(own))
        policies.set_policy(conn, cloud, by="cfo")
    world.approve()
    general_only = "waiting" if general < 500 else "approved"
    assert _states(world) == {"sub-1": "waiting", "sub-2": general_only}


def test_a_policy_is_lifted_only_by_one_that_names_it(warehouse_world: World) -> None:
    world = warehouse_world
    world.propose([line(1, amount="500.00")])
    world.approve()
    with world.warehouse() as conn:
        policies.set_policy(conn, Policy("v1", "cad", four_eyes_amount=Decimal(100)), by="cfo")
        looser = Policy("v2", "CAD", is_automatic=True, within_percent=Decimal(50))
        policies.set_policy(conn, looser, by="cfo")
        assert _states(world) == {"sub-1": "waiting"}
        other = Policy("v3", "CAD", service="nexacloud", replaces=("v1",))
        with pytest.raises(policies.PolicyError, match="v1 is not in force for nexacloud in CAD"):
            policies.set_policy(conn, other, by="cfo")
        policies.set_policy(conn, Policy("v4", "CAD", replaces=("v1",)), by="cfo")
        assert _states(world) == {"sub-1": "approved"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1"])
def test_a_policy_has_finite_numbers(warehouse_world: World, number: str) -> None:
    bad = Decimal(number)
    for policy in (
        Policy("v1", "CAD", four_eyes_amount=bad),
        Policy("v1", "CAD", is_automatic=True, within_percent=bad),
    ):
        with warehouse_world.warehouse() as conn:
            with pytest.raises(policies.PolicyError, match=number):
                policies.set_policy(conn, policy, by="cfo")


def test_a_rejection_stops_the_approval_of_what_the_line_said_before(
    warehouse_world: World,
) -> None:
    """Approved at 100, rejected at 120, and back at 100: nobody said yes since the no."""
    world = warehouse_world
    world.propose([line(1)])
    world.approve()
    world.propose([line(1, amount="120.00")])
    with world.warehouse() as conn:
        approvals.reject(conn, approvals.select_lines(conn, Filters()), by="rex", note="too much")
    world.propose([line(1)])
    assert (_states(world), _publishable(world)) == ({"sub-1": "rejected"}, set())
    assert world.approve().written == [line(1)["line_key"]]
    assert _publishable(world) == {"sub-1"}


def test_a_line_that_says_something_else_by_now_is_not_decided(warehouse_world: World) -> None:
    world = warehouse_world
    world.propose([line(1)])
    with world.warehouse() as conn:
        shown = approvals.select_lines(conn, Filters())
        world.propose([line(1, amount="120.00")])
        decided = approvals.approve(conn, shown, by="fay")
    assert decided.written == []
    assert "has changed since it was shown" in decided.refused[line(1)["line_key"]]


def test_a_policy_needs_a_new_version_each_time(warehouse_world: World) -> None:
    with warehouse_world.warehouse() as conn:
        policies.set_policy(conn, Policy("v1", "CAD"), by="cfo")
        with pytest.raises(policies.PolicyError, match="name a new version"):
            policies.set_policy(conn, Policy("v1", "CAD", four_eyes_amount=Decimal(1)), by="cfo")


def test_a_gate_opens_by_name_from_an_instant(warehouse_world: World) -> None:
    with warehouse_world.warehouse() as conn:
        gate = gates.open_gate(
            conn,
            service="nexacloud",
            external_subscription_id="sub-1",
            from_period_start=JUNE[0],
            by="cfo",
            note="April matched",
        )
        gates.close_gate(
            conn, service="nexacloud", external_subscription_id="sub-1", by="cfo", note="wait"
        )
        with pytest.raises(gates.GateError, match="time zone"):
            gates.open_gate(
                conn,
                service="nexacloud",
                external_subscription_id="sub-1",
                from_period_start=JUNE[0].replace(tzinfo=None),
                by="cfo",
            )
        with pytest.raises(gates.GateError, match="needs a name"):
            gates.close_gate(conn, service="nexacloud", external_subscription_id="sub-1", by="")
    kept = warehouse_world.query(
        "select decision, from_period_start, decided_by, note from ops.cutover_gates"
        " where gate_id >= %s order by gate_id",
        (gate,),
    )
    assert kept == [("open", JUNE[0], "cfo", "April matched"), ("close", None, "cfo", "wait")]
