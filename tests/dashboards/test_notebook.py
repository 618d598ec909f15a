"""docs/analyst.ipynb runs from its first cell to its last, and shows what the marts hold."""

from __future__ import annotations

import ast
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "analyst.ipynb"


def _cells() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def _run(cell: str, names: dict[str, Any]) -> Any:
    """Run a cell as a notebook does: its value is that of its last expression."""
    tree = ast.parse(cell)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NOTEBOOK.name, "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)
    return None


@pytest.fixture
def shown(built_sample: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], list[Any]]:
    """The notebook's names after its last cell, and the plot of each question."""
    monkeypatch.setenv("DASHBOARD_READER_DSN", built_sample.dsn)
    monkeypatch.setenv("WAREHOUSE_DSN", built_sample.dsn)
    names: dict[str, Any] = {}
    plots = [_run(cell, names) for cell in _cells()]
    return names, [plot for plot in plots if plot is not None]


def test_five_questions_have_a_plot_each(shown: tuple[dict[str, Any], list[Any]]) -> None:
    _, plots = shown
    assert len(plots) == 5
    for plot in plots:
        assert isinstance(plot, go.Figure)
        assert any(len(trace.y) for trace in plot.data), plot.layout.title.text
        assert plot.to_json()


def test_what_it_adds_up_is_exact(
    shown: tuple[dict[str, Any], list[Any]], built_sample: Any
) -> None:
    names, _ = shown
    assert names["mrr"].iloc[-1] == Decimal("700")
    assert names["accrued"].iloc[-1] == Decimal("830.27")
    (row,) = built_sample.query("select sum(forecast_amount) as amount from marts.rpt_forecast")
    assert names["month_amount"] == row["amount"]
    (row,) = built_sample.query(
        "select sum(net_amount) as amount from marts.fct_invoices where invoice_state <> 'void'"
    )
    assert names["by_state"].sum() == row["amount"]
    assert str(names["used_up"]) == "2026-05-27"
