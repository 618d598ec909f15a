"""The acceptance case: April 2026, exactly, under both proration policies."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from rating_world import World
from recon_world import build

APRIL = """
    select * from marts.fct_reconciliation
    where period_start = '2026-04-01 04:00:00+00' order by expected_amount, actual_amount
"""


def _cents(*amounts: str) -> list[Decimal]:
    return [Decimal(amount) for amount in amounts]


def test_april_is_two_matches_and_four_that_proration_explains(sample: World) -> None:
    rows = sample.query(APRIL)
    assert Counter(row["status"] for row in rows) == {"match": 2, "explained": 4}
    assert [row["expected_amount"] for row in rows] == _cents(
        "10.00", "10.00", "13.33", "13.33", "98.30", "120.00"
    )
    assert [row["actual_amount"] for row in rows] == _cents(
        "9.17", "9.17", "9.17", "9.17", "98.30", "120.00"
    )
    assert [row["list_amount"] for row in rows][:4] == _cents("50", "50", "200", "200")
    assert all(row["unexplained_amount"] == 0 for row in rows)


def test_a_cause_is_told_in_plain_words(sample: World) -> None:
    causes = sample.query("select * from marts.fct_reconciliation_causes order by amount")
    assert {(cause["cause"], cause["variant"]) for cause in causes} == {("proration", "second")}
    assert [cause["amount"] for cause in causes] == _cents("0.83", "0.83", "4.16", "4.16")
    sentences = [cause["sentence"] for cause in causes]
    assert "invoiced 9.17" in sentences[0]
    assert "50.00 x 132 h / 720 h" in sentences[0]
    assert "200.00 x 33 h / 720 h" in sentences[-1]


def test_three_one_offs_are_a_stream_of_their_own(sample: World) -> None:
    rows = sample.query("select * from marts.fct_one_off_invoices order by amount")
    assert [row["amount"] for row in rows] == _cents("32.20", "872.66", "877.99")
    assert {row["match_status"] for row in rows} == {"unmatched"}
    numbers = {row["invoice_number"] for row in rows}
    reconciled = sample.query("select invoice_numbers from marts.fct_reconciliation")
    assert not numbers & {number for row in reconciled for number in row["invoice_numbers"]}


def test_may_is_expected_and_invoiced_by_nobody(sample: World) -> None:
    rows = sample.query("select * from marts.rpt_money_at_stake where period_month = '2026-05-01'")
    assert [row["cause"] for row in rows] == ["not_invoiced"]
    assert rows[0]["leakage_amount"] == Decimal("820.29")


def test_with_the_apps_own_policy_all_six_match(changed: World) -> None:
    policies = {"policy_overrides": {"nexacloud": {"proration": "second"}}}
    build(changed, ("int_services+", "int_service_policies+"), policies)
    rows = changed.query(APRIL)
    assert Counter(row["status"] for row in rows) == {"match": 6}
    assert all(row["delta_amount"] == 0 for row in rows)
    assert changed.query("select count(*) as n from marts.fct_reconciliation_causes")[0]["n"] == 0
