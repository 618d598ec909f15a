"""Every query that the documentation offers runs as it stands, and says what it promises."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from rating_world import World

PAGE = Path(__file__).parents[2] / "docs" / "queries.md"
QUESTION = re.compile(r"^## (.+?)$|^```sql\n(.+?)^```", re.MULTILINE | re.DOTALL)


def _queries() -> list[tuple[str, str]]:
    """Each query with the question that it stands under."""
    found, question = [], ""
    for heading, query in QUESTION.findall(PAGE.read_text()):
        if heading:
            question = heading
        else:
            found.append((question, query.strip().rstrip(";")))
    return found


QUERIES = _queries()


def test_there_are_twenty_questions_at_least() -> None:
    assert len({question for question, _ in QUERIES}) >= 20


@pytest.mark.parametrize("query", [pytest.param(query, id=name) for name, query in QUERIES])
def test_a_documented_query_runs_and_reads_marts_alone(sample: World, query: str) -> None:
    assert set(re.findall(r"(?:from|join) (\w+)\.", query)) <= {"marts", "serving"}
    sample.query(query)


def _answer(
    sample: World, beginning: str, replaced: dict[str, str] | None = None
) -> list[dict[str, object]]:
    query = next(query for name, query in QUERIES if name.startswith(beginning))
    for old, new in (replaced or {}).items():
        query = query.replace(old, new)
    return sample.query(query)


def test_why_a_bill_differs_is_told_in_a_sentence(sample: World) -> None:
    april = {"2026-05-01": "2026-04-01", "2026-06-01": "2026-05-01"}
    (row,) = _answer(sample, "Why did this customer", april)
    assert (row["cause"], row["cause_amount"]) == ("proration", Decimal("4.16"))
    assert "200.00 x 33 h / 720 h" in str(row["sentence"])


def test_what_leaked_is_summed_by_cause(sample: World) -> None:
    rows = _answer(sample, "What leaked this quarter")
    leaked = {row["cause"]: row["leakage_amount"] for row in rows}
    assert leaked == {"not_invoiced": Decimal("820.29"), "proration": Decimal("9.98")}


def test_who_is_ready_names_what_the_others_wait_for(sample: World) -> None:
    rows = _answer(sample, "Who is ready to move")
    assert [row["is_ready"] for row in rows].count(False) == 4
    assert all(row["is_ready"] or row["missing"] for row in rows)


def test_the_old_tools_nine_rows_are_told_apart(sample: World) -> None:
    rows = _answer(sample, "What did the old tool say")
    assert len(rows) == 9
    assert [row["is_one_off"] for row in rows].count(True) == 3
    verdicts = {(row["old_verdict"], row["status"]) for row in rows if not row["is_one_off"]}
    assert verdicts == {("match", "match"), ("differ", "explained")}


def test_a_day_of_usage_says_what_was_free(sample: World) -> None:
    rows = _answer(sample, "What did a subscription use day by day")
    assert len(rows) == 31
    (last,) = rows[-1:]
    billable = sum(row["billable_on_day_quantity"] for row in rows)
    assert last["running_quantity"] - last["included_quantity"] == billable > 0
    assert [row["free_quantity"] for row in rows].count(Decimal(0)) > 0


def test_recurring_revenue_ends_at_what_the_plans_cost(sample: World) -> None:
    rows = _answer(sample, "How does recurring revenue move")
    held = _answer(sample, "Who holds which plan")
    assert rows[-1]["mrr_amount"] == sum(row["price_amount"] for row in held) == Decimal(700)


def test_what_nobody_invoiced_is_accrued(sample: World) -> None:
    rows = _answer(sample, "What has to be accrued")
    may = next(row for row in rows if str(row["month_end_on"]) == "2026-05-31")
    # May as a whole, and of April the proration of the app.
    assert may["accrued_amount"] == Decimal("820.29") + Decimal("9.98")
    assert may["deferred_amount"] == may["overbilled_amount"] == 0


def test_an_invoice_is_in_one_state_and_adds_up(sample: World) -> None:
    rows = _answer(sample, "What stands in a month as draft")
    assert {row["invoice_state"] for row in rows} <= {"draft", "posted", "paid"}
    paid = _answer(sample, "Who paid what")
    of_app = [row for row in rows if row["issuer"] == "app" and row["invoice_state"] == "paid"]
    assert sum(row["amount"] for row in paid if row["is_assumed_time"]) == sum(
        row["total_amount"] for row in of_app
    )


def test_a_metric_asks_for_columns_that_are_there(sample: World) -> None:
    """dbt parses a semantic model and does not look whether its expressions exist."""
    models = sample.dbt.manifest.semantic_models.values()
    assert {model.name for model in models} >= {
        "revenue", "recurring_revenue", "usage", "leakage", "margin"
    }  # fmt: skip
    for model in models:
        parts = [*model.measures, *model.dimensions, *model.entities]
        asked = ", ".join(part.expr or part.name for part in parts if part.name != "")
        sample.query(f"select {asked} from marts.{model.node_relation.alias} limit 1")
