"""Tables for people: at any width every figure and key stays in one piece."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from orchestration import render

ROWS: list[dict[str, Any]] = [
    {
        "line_key": "9e8dd83d",
        "customer": "Prairie Grain Co-op",
        "amount": "1200055.27",
        "due_at": "2026-05-01 10:00",
        "why": "invoiced 9.17 where we expect 13.33: the app prorates by the second",
    },
    {
        "line_key": "72951e6e",
        "customer": None,
        "amount": Decimal("-0.83"),
        "due_at": None,
        "why": "[bold]not markup[/]",
    },
]


def shown(width: int, rows: list[dict[str, Any]] = ROWS) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(render.table("Lines", rows, list(ROWS[0]), caption=f"{len(rows)} lines"))
    return captured.get()


@given(st.integers(30, 220))
def test_figures_keys_and_times_are_never_broken(width: int) -> None:
    text = shown(width)
    for whole in ("9e8dd83d", "72951e6e", "1200055.27", "-0.83", "2026-05-01"):
        assert whole in text
    assert max(map(len, text.splitlines())) <= width


@given(st.integers(30, 220))
def test_nothing_of_a_sentence_is_lost(width: int) -> None:
    words = set(shown(width).split())
    for sentence in ("invoiced 9.17 where we expect 13.33:", "[bold]not markup[/]"):
        assert set(sentence.split()) <= words


def test_a_narrow_terminal_gets_rows_one_after_the_other() -> None:
    assert "amount 1200055.27" in shown(50)
    assert "amount 1200055.27" not in shown(120)


def test_no_rows_are_said_in_a_word() -> None:
    assert shown(80, []) == "Lines: none\n0 lines\n"
