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
