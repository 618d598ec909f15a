"""A month that is closed keeps what was true then, and a later difference shows against it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from psycopg2.errors import CheckViolation, InsufficientPrivilege
from recon_world import Ledger

from publishers import closings
from publishers.closings import ClosingError
from sandbox.rows import AS_OF

APRIL, MAY, JUNE = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)


@pytest.fixture
def built(decisions: Ledger) -> Ledger:
    """The sample as if a build had been swapped in: what `marts.dim_build` says is the server's."""
    build = decisions.one(
        "insert into ops.builds (as_of, is_whole, status, finished_at)"
        " values (%s, true, 'passed', now()) returning build_id",
        AS_OF,
    )
    decisions.query(
        "create table marts.dim_build as select %s as build_id, %s::timestamptz as as_of,"
        " now() as swapped_at",
        build["build_id"],
        AS_OF,
    )
    return decisions


@pytest.fixture
def accepted(built: Ledger) -> Ledger:
    """April's causes are accepted: of the app's last month nothing waits any more."""
    built.query(
        "insert into ops.cause_acceptances (service, external_subscription_id, period_start, cause,"
        " amount, currency, accepted_by) select service, external_subscription_id, period_start,"
        " cause, amount, currency, 'dana' from marts.fct_reconciliation_causes"
    )
    return built


def _close(world: Ledger, month: date = APRIL, **given: Any) -> closings.MonthSeen:
    return closings.close(world.connection, "marts", month, **{"by": "Dana Roy", **given})


def _look(world: Ledger, month: date = APRIL) -> closings.MonthSeen:
    return closings.look(world.connection, "marts", month)


def test_what_is_kept_are_the_month_s_sums_its_build_and_who(accepted: Ledger) -> None:
    _close(accepted, note="the file is with the auditors")
    kept = accepted.one(
        "select *, closed_at > now() - interval '1 hour' as is_now from ops.month_closings"
    )
    assert (kept["month"], kept["closed_by"], kept["is_now"]) == (APRIL, "Dana Roy", True)
    assert (kept["build_status"], kept["as_of"]) == ("passed", AS_OF)
    assert (kept["waited"], kept["despite"]) == ([], None)
    sums = accepted.one(
        "select sum(expected_amount)::text as expected, sum(actual_amount)::text as actual,"
        " sum(delta_amount)::text as delta, sum(unexplained_amount)::text as unexplained"
        " from marts.fct_reconciliation where period_start = '2026-04-01 04:00+00'"
    )
    [sides] = kept["sheet"]["sides"]
    assert {name: sides[f"{name}_amount"] for name in sums} == sums
    [decision] = kept["sheet"]["decisions"]
    assert (decision["decided_by"], decision["decision"]) == ("dana", "accepted cause")
    assert (decision["decision_count"], Decimal(decision["amount"])) == (4, Decimal("9.98"))
    exceptions = accepted.one(
        "select count(*)::int as number from serving.fct_billing_exceptions where is_open"
    )
    assert (
        sum(row["exception_count"] for row in kept["sheet"]["exceptions"]) == (exceptions["number"])
    )


def test_a_month_of_which_something_waits_is_not_closed_without_a_reason(built: Ledger) -> None:
    with pytest.raises(ClosingError, match=r"causes that nobody accepted: 4 of 9\.98 CAD"):
        _close(built)
    assert built.query("select from ops.month_closings") == []
    seen = _close(built, despite="the app's own month: nobody accepts it any more")
    assert seen.closed is not None
    assert [each.partition(":")[0] for each in seen.closed.waited] == [
        "causes that nobody accepted"
    ]
    assert "although 1 waited: the app's own month" in seen.closed.sentence


def test_what_nobody_has_billed_waits(accepted: Ledger) -> None:
    """May is the first month that we bill: nothing of it is approved or invoiced here."""
    amount = accepted.one(
        "select sum(expected_amount) as amount from marts.fct_reconciliation"
        " where period_start = '2026-05-01 04:00+00'"
    )["amount"]
    found = {each.what: (each.number, each.amount) for each in _look(accepted, MAY).waiting}
    assert found["periods that nobody invoiced as of the build"] == (6, amount)


def test_lines_wait_for_approval_and_then_for_publishing(accepted: Ledger) -> None:
    accepted.query(
        "insert into ops.cutover_gates (service, external_subscription_id, decision,"
        " from_period_start, decided_by) select service, external_subscription_id, 'open',"
        " '2026-05-01 04:00+00', 'dana' from serving.cutover_readiness where is_ready"
    )
    lines = {each.what: each for each in _look(accepted, MAY).waiting}
    waits = lines["lines that wait for approval"]
    accepted.query(
        "insert into ops.line_approvals (line_key, content_hash, decision, decided_by)"
        " select line_key, content_hash, 'approve', 'dana' from serving.fct_invoice_line_status"
        " where is_approvable and service_period_start = '2026-05-01 04:00+00'"
    )
    approved = {each.what: each for each in _look(accepted, MAY).waiting}
    assert "lines that wait for approval" not in approved
    published = approved["approved lines that are not published"]
    assert waits.number > 0
    assert (published.number, published.amount) == (waits.number, waits.amount)


def test_a_later_difference_shows_against_the_closing_to_the_cent(accepted: Ledger) -> None:
    _close(accepted)
    assert _look(accepted).differences == []
    accepted.query(
        "update marts.rpt_reconciliation_by_month set actual_amount = actual_amount - 0.01,"
        " delta_amount = delta_amount + 0.01 where ctid = (select ctid from"
        " marts.rpt_reconciliation_by_month where period_month = %s limit 1)",
        APRIL,
    )
    found = [
        (each.part, each.row, each.figure, each.now - each.closed, each.currency)
        for each in _look(accepted).differences
    ]
    assert found == [
        ("Three sides", "nexacloud, CAD", "Invoiced", Decimal("-0.01"), "CAD"),
        ("Three sides", "nexacloud, CAD", "Delta", Decimal("0.01"), "CAD"),
    ]


def test_a_row_that_comes_or_goes_differs_by_all_of_it(accepted: Ledger) -> None:
    _close(accepted)
    accepted.query("delete from marts.rpt_money_at_stake where period_month = %s", APRIL)
    [row] = [each for each in _look(accepted).differences if each.figure == "Delta"]
    assert (row.part, row.row) == ("Causes of the differences", "nexacloud, CAD, proration")
    assert (row.closed, row.now) == (Decimal("9.98"), Decimal(0))


def test_a_closed_month_is_closed_again_only_with_a_reason(accepted: Ledger) -> None:
    _close(accepted)
    with pytest.raises(ClosingError, match="closed already, by Dana Roy"):
        _close(accepted, by="Alex Kim")
    _close(accepted, by="Alex Kim", despite="a late credit note of the app")
    now = closings.closing(accepted.connection, APRIL)
    assert now is not None
    assert (now.closed_by, now.despite) == ("Alex Kim", "a late credit note of the app")
    assert accepted.one("select count(*) as number from ops.month_closings")["number"] == 2


def test_a_month_that_is_not_over_is_closed_by_no_reason(accepted: Ledger) -> None:
    with pytest.raises(ClosingError, match="2026-06 is not over in the build in use"):
        _close(accepted, JUNE, despite="we are in a hurry")
    accepted.query("select set_config('billing.identity', 'Dana Roy', true)")
    with pytest.raises(CheckViolation, match="2026-06 is not over"):
        accepted.query(
            "insert into ops.month_closings (month, sheet, waited) values (%s, '{}', '[]')", JUNE
        )


def test_a_month_that_nobody_knows_is_not_closed(accepted: Ledger) -> None:
    with pytest.raises(ClosingError, match="nothing of 2020-01 was rated, invoiced or billed"):
        _close(accepted, date(2020, 1, 1))


def test_nothing_is_closed_while_the_last_build_failed(accepted: Ledger) -> None:
    accepted.query(
        "insert into ops.builds (as_of, is_whole, status, finished_at, error)"
        " values (%s, true, 'failed', now(), 'a test did not pass')",
        AS_OF,
    )
    with pytest.raises(ClosingError, match=r"last build failed .*a test did not pass.*billing run"):
        _close(accepted, despite="it will be all right")
    accepted.query("select set_config('billing.identity', 'Dana Roy', true)")
    with pytest.raises(CheckViolation, match="last build did not pass"):
        accepted.query(
            "insert into ops.month_closings (month, sheet, waited) values (%s, '{}', '[]')", APRIL
        )


def test_the_server_asks_why_where_something_waited(accepted: Ledger) -> None:
    accepted.query("select set_config('billing.identity', 'Dana Roy', true)")
    with pytest.raises(CheckViolation):
        accepted.query(
            "insert into ops.month_closings (month, sheet, waited, despite)"
            " values (%s, '{}', '[\"a line\"]', ' ')",
            APRIL,
        )


@pytest.mark.parametrize(
    "statement", ["update ops.month_closings set note = 'x'", "delete from ops.month_closings"]
)
def test_what_was_closed_stays_as_it_was(accepted: Ledger, statement: str) -> None:
    _close(accepted)
    with pytest.raises(InsufficientPrivilege, match="keeps what was decided"):
        accepted.query(statement)


WAITS = {
    "differences that nothing explains": (
        "update marts.fct_reconciliation set status = 'unexplained', unexplained_amount = -1.50"
        " where ctid = (select min(ctid) from marts.fct_reconciliation"
        " where period_start = '2026-04-01 04:00+00' and status = 'match')",
        (1, Decimal("1.50"), "CAD"),
    ),
    "exceptions that hold lines": (
        "insert into marts.fct_exceptions (exception_key, facts_hash, kind, severity, is_blocking,"
        " closes_gate, service, period_start, currency, stake_amount, since_at) values"
        " ('k', 'h', 'usage_anomaly', 'high', true, false, 'nexacloud', '2026-04-01 04:00+00',"
        " 'CAD', 7.25, '2026-05-01')",
        (1, Decimal("7.25"), "CAD"),
    ),
    "documents that are not confirmed in Odoo": (
        "insert into ops.publications (document_key, external_id, service, partner_id,"
        " billing_period_start, billing_period_end, currency, move_type, document_number, state,"
        " payload, payload_hash, expected_untaxed_amount, expected_tax_amount,"
        " expected_total_amount, rounding_method, invoice_date, invoice_date_due)"
        " values ('d', 'dwh_pub.d', 'nexacloud', 1, '2026-04-01 04:00+00', '2026-05-01 04:00+00',"
        " 'CAD', 'out_invoice', 1, 'claimed', '{}', 'h', 1, 0.13, 1.13, 'round_globally',"
        " '2026-05-03', '2026-06-03')",
        (1, Decimal("1.13"), "CAD"),
    ),
}


@pytest.mark.parametrize("what", WAITS)
def test_what_is_not_done_waits_with_its_amount(accepted: Ledger, what: str) -> None:
    assert _look(accepted).waiting == []
    statement, right = WAITS[what]
    accepted.query(statement)
    [found] = _look(accepted).waiting
    assert (found.what, (found.number, found.amount, found.currency)) == (what, right)


def test_an_acknowledged_exception_and_one_of_another_month_hold_nothing(accepted: Ledger) -> None:
    statement, _ = WAITS["exceptions that hold lines"]
    accepted.query(statement.replace("2026-04-01", "2026-05-01").replace("'k'", "'other'"))
    accepted.query(statement)
    accepted.query("select set_config('billing.identity', 'Dana Roy', true)")
    accepted.query(
        "insert into ops.exception_acknowledgements (exception_key, facts_hash, note)"
        " values ('k', 'h', 'a test of the customer')"
    )
    assert _look(accepted).waiting == []
