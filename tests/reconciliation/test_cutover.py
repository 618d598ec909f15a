"""From agreement to a publishable line: acceptances, gates, approvals, and what holds a line back.

Everything is decided in the ledger and seen at once, without a build in between.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from recon_world import Ledger

from dashboards.queries.cutover import EXCEPTIONS

MAY = "2026-05-01 04:00:00+00"


def _accept(decisions: Ledger) -> None:
    decisions.query(
        "insert into ops.cause_acceptances (service, external_subscription_id, period_start, cause,"
        " amount, currency, accepted_by) select service, external_subscription_id, period_start,"
        " cause, amount, currency, 'dana' from marts.fct_reconciliation_causes"
    )


def _open_gates(decisions: Ledger, since: str = MAY) -> None:
    decisions.query(
        "insert into ops.cutover_gates (service, external_subscription_id, decision,"
        " from_period_start, decided_by) select service, external_subscription_id, 'open',"
        " %s, 'dana' from serving.cutover_readiness where is_ready",
        since,
    )


def _approve(decisions: Ledger, by: str = "dana", **decided: Any) -> None:
    decisions.query(
        "insert into ops.line_approvals (line_key, content_hash, decision, decided_by, amount,"
        " currency) select line_key, content_hash, %s, %s, amount, currency"
        " from serving.fct_invoice_line_status where service_period_start = %s",
        decided.get("decision", "approve"),
        by,
        MAY,
    )


def _publishable(decisions: Ledger) -> list[dict[str, Any]]:
    return decisions.query("select * from serving.invoice_lines_to_publish")


@pytest.fixture
def ready(decisions: Ledger) -> Ledger:
    """Causes accepted, gates open from May on, May's lines approved."""
    _accept(decisions)
    _open_gates(decisions)
    _approve(decisions)
    return decisions


def test_who_matches_is_ready_and_who_is_explained_waits_for_a_person(decisions: Ledger) -> None:
    query = "select is_ready, last_status, missing from serving.cutover_readiness"
    before = decisions.query(query)
    assert Counter(row["is_ready"] for row in before) == {True: 42, False: 4}
    waiting = [row["missing"] for row in before if not row["is_ready"]]
    assert all("a person has to accept" in missing for missing in waiting)
    _accept(decisions)
    assert all(row["is_ready"] for row in decisions.query(query))


def test_an_acceptance_holds_for_its_amount_only(decisions: Ledger) -> None:
    _accept(decisions)
    decisions.query("alter table ops.cause_acceptances disable trigger user")
    decisions.query("update ops.cause_acceptances set amount = amount + 0.01")
    ready = decisions.query("select is_ready from serving.cutover_readiness")
    assert Counter(row["is_ready"] for row in ready) == {True: 42, False: 4}


def test_an_approved_line_of_an_open_gate_may_be_published(ready: Ledger) -> None:
    lines = _publishable(ready)
    assert len(lines) == 9
    assert {str(line["service_start_on"]) for line in lines} == {"2026-05-01"}
    assert {line["approved_by"] for line in lines} == {"dana"}


def test_a_match_never_makes_its_own_period_publishable(decisions: Ledger) -> None:
    _accept(decisions)
    _open_gates(decisions, since="2026-04-01 04:00:00+00")
    decisions.query(
        "insert into ops.line_approvals (line_key, content_hash, decision, decided_by, amount,"
        " currency) select line_key, content_hash, 'approve', 'dana', amount, currency"
        " from serving.fct_invoice_line_status"
    )
    april = decisions.query(
        "select blocked_reason from serving.fct_invoice_line_status"
        " where service_period_start = '2026-04-01 04:00:00+00'"
    )
    assert april
    assert all("the app already invoiced" in line["blocked_reason"] for line in april)


@pytest.mark.parametrize(
    ("status", "is_held"),
    [("draft", True), ("open", True), ("uncollectible", True), ("void", False)],
)
def test_an_app_invoice_holds_the_line_back_unless_it_is_void(
    ready: Ledger, status: str, is_held: bool
) -> None:
    line = _publishable(ready)[0]
    ready.insert(
        "raw_nexacloud.invoices",
        id="late-one",
        number="NC-2026-0099",
        user_id=line["external_customer_id"],
        subscription_id=line["external_subscription_id"],
        period_start="2026-05-31 04:00:00+00",
        period_end="2026-06-02 04:00:00+00",
        status=status,
        currency="CAD",
        subtotal=5,
        tax=0,
        total=5,
        _run_id="test",
        _loaded_at=MAY,
    )
    keys = {row["line_key"] for row in _publishable(ready)}
    assert (line["line_key"] not in keys) is is_held


def test_a_confirmed_order_or_a_live_charge_holds_the_line_back(ready: Ledger) -> None:
    line = _publishable(ready)[0]
    ready.query(
        "update snapshots.odoo_sale_order set state = 'sale'"
        " where x_fc_nexacloud_subscription_id = %s",
        line["external_subscription_id"],
    )
    held = ready.one(
        "select blocked_reason from serving.fct_invoice_line_status where line_key = %s",
        line["line_key"],
    )
    assert "Odoo would invoice it by itself: order" in held["blocked_reason"]
    other = _publishable(ready)[0]
    ready.query(
        "update snapshots.odoo_fusion_billing_charge set plan_id = 1 where plan_code = %s",
        other["plan_code"],
    )
    assert other["line_key"] not in {row["line_key"] for row in _publishable(ready)}


def test_a_closed_gate_holds_everything_back(ready: Ledger) -> None:
    line = _publishable(ready)[0]
    ready.insert(
        "ops.cutover_gates",
        service=line["service"],
        external_subscription_id=line["external_subscription_id"],
        decision="close",
        decided_by="eli",
    )
    assert line["subscription_id"] not in {row["subscription_id"] for row in _publishable(ready)}


def test_a_revoked_approval_counts_no_more(ready: Ledger) -> None:
    _approve(ready, by="eli", decision="revoke")
    assert _publishable(ready) == []
    states = ready.query(
        "select distinct approval_state, blocked_reason from serving.fct_invoice_line_status"
        " where service_period_start = %s",
        MAY,
    )
    assert states == [
        {"approval_state": "revoked", "blocked_reason": "its approval was revoked by eli"}
    ]


def test_above_the_four_eyes_amount_two_people_are_needed(ready: Ledger) -> None:
    ready.insert(
        "ops.approval_policies",
        policy_version="four eyes",
        currency="CAD",
        four_eyes_amount=100,
        decided_by="dana",
    )
    assert all(abs(line["amount"]) < 100 for line in _publishable(ready))
    _approve(ready, by="eli")
    assert len(_publishable(ready)) == 9


def test_a_line_in_a_document_is_published_and_counts_as_billed(ready: Ledger) -> None:
    line = _publishable(ready)[0]
    ready.insert(
        "ops.publications",
        document_key="d1",
        external_id="dwh_pub.d1",
        service=line["service"],
        partner_id=line["partner_id"],
        billing_period_start=line["billing_period_start"],
        billing_period_end=line["billing_period_end"],
        currency="CAD",
        move_type="out_invoice",
        document_number=1,
        state="claimed",
        payload="{}",
        payload_hash="",
        expected_untaxed_amount=line["amount"],
        expected_tax_amount=0,
        expected_total_amount=line["amount"],
        rounding_method="round_globally",
        invoice_date="2026-06-03",
        invoice_date_due="2026-06-03",
    )
    kept = "line_key content_hash service subscription_id external_subscription_id kind charge"
    kept += " metric plan_code segment_start service_period_start service_period_end description"
    kept += " quantity unit_price amount currency tax_ids partner_id"
    ready.insert(
        "ops.publication_lines",
        document_key="d1",
        line_number=1,
        content="{}",
        **{name: line[name] for name in kept.split()},
    )
    status = ready.one(
        "select is_published, document_key, blocked_reason from serving.fct_invoice_line_status"
        " where line_key = %s",
        line["line_key"],
    )
    assert status == {
        "is_published": True,
        "document_key": "d1",
        "blocked_reason": "already in document d1",
    }
    assert line["line_key"] not in {row["line_key"] for row in _publishable(ready)}


def test_an_acknowledged_exception_is_closed_until_its_facts_change(decisions: Ledger) -> None:
    exception = decisions.query(
        "select * from serving.fct_billing_exceptions where kind = 'not_invoiced' limit 1"
    )[0]
    assert exception["is_open"]
    assert exception["age_days"] == 2
    decisions.insert(
        "ops.exception_acknowledgements",
        exception_key=exception["exception_key"],
        facts_hash=exception["facts_hash"],
        acknowledged_by="dana",
        note="Odoo bills May",
    )
    query = (
        "select is_open, acknowledged_by from serving.fct_billing_exceptions"
        " where exception_key = %s"
    )
    assert decisions.one(query, exception["exception_key"]) == {
        "is_open": False,
        "acknowledged_by": "dana",
    }
    decisions.query(
        "update marts.fct_exceptions set facts_hash = 'other' where exception_key = %s",
        exception["exception_key"],
    )
    assert decisions.one(query, exception["exception_key"])["is_open"]


def test_the_cutover_page_lists_what_readiness_counts(decisions: Ledger) -> None:
    """Whatever closes a gate stands under "What still blocks", also when it holds no line."""
    decisions.query(
        "update marts.fct_exceptions set is_blocking = kind <> 'not_invoiced',"
        " closes_gate = kind = 'not_invoiced'"
    )
    page = EXCEPTIONS.replace("{serving}", "serving")
    rows = decisions.query("select * from serving.cutover_readiness")
    counted = {row["subscription_id"]: row["blocking_exception_count"] for row in rows}
    listed = {row["subscription_id"]: len(decisions.query(page, row)) for row in rows}
    assert any(counted.values())
    assert listed == counted
