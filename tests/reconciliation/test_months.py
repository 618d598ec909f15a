"""A month means one thing on every page and in every command, and an empty one is said to be."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rating_world import World
from recon_world import AS_OF
from typer.testing import CliRunner, Result

from dashboards.queries import month as pages
from dashboards.queries import reconciliation as reconciliation_page

APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)


@pytest.fixture
def billing(sample: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`billing("verb", ...)` on the sample's warehouse."""
    from orchestration.cli import app

    monkeypatch.setenv("WAREHOUSE_DSN", sample.dsn)
    monkeypatch.setenv("BILLING_AS_OF", AS_OF.isoformat())
    monkeypatch.setenv("BILLING_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def _said(answer: Result) -> str:
    assert answer.exit_code == 1, answer.output
    assert "Traceback" not in answer.output
    return " ".join(answer.output.split())


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_month_without_data_names_the_months_that_have_some(billing: Any, more: Any) -> None:
    said = _said(billing("reconcile", "--period", "2031-01", *more))
    assert "nothing of 2031-01 matches" in said
    assert "2026-05" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("explain", "zzzz"), "no line begins with zzzz: `billing lines` lists them"),
        (("reconcile", "--subscription", "zzzz"), "no subscription begins with zzzz"),
    ],
)
def test_a_key_that_names_nothing_is_said_to(billing: Any, arguments: Any, words: str) -> None:
    assert words in _said(billing(*arguments))


def test_one_offs_stand_in_one_month_everywhere(sample: World) -> None:
    """The sample's three were issued in May for April: they are April's."""
    parameters = {"currency": "CAD", "service": None}

    def asked(query: str, month: date) -> list[dict[str, Any]]:
        text = query.replace("{marts}", "marts")
        for name, value in {**parameters, "month": month}.items():
            literal = "null" if value is None else f"'{value}'"
            text = text.replace(f"%({name})s", literal)
        return sample.query(text)

    assert asked(pages.ONE_OFFS, APRIL)[0]["rows"] == 3
    assert asked(pages.ONE_OFFS, MAY)[0]["rows"] == 0
    assert len(asked(reconciliation_page.ONE_OFFS, APRIL)) == 3
    months = sample.query(
        "select distinct revenue_month from marts.fct_monthly_revenue where stream = 'one_off'"
    )
    assert [row["revenue_month"] for row in months] == [APRIL]
    invoices = sample.query("select distinct month_on from marts.fct_one_off_invoices")
    assert [row["month_on"] for row in invoices] == [APRIL]
