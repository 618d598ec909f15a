"""What a person sees of a run on a terminal: one line of progress, nothing that dbt prints."""

from __future__ import annotations

import io
import sys

from rich.console import Console

from orchestration.run_progress import RunProgress


def terminal(width: int) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_dbt_prints_does_not_reach_the_terminal() -> None:
    console = terminal(80)
    with RunProgress(console, "refresh", 275):
        print("DEBUG: a line of dbt", file=sys.stderr)
        print("another line of dbt")
    assert "line of dbt" not in shown(console)


def test_progress_fits_80_columns_with_the_longest_name() -> None:
    console = terminal(80)
    with RunProgress(console, "refresh", 275) as progress:
        progress._say("intermediate/int_reconciliation_explained_by_every_hypothesis")
        progress._bar.refresh()
    lines = shown(console).replace("\r", "\n").splitlines()
    assert any("0/275 assets, 0 checks" in line and "…" in line for line in lines)
    assert max(len(line.rstrip()) for line in lines if "assets" in line) <= 90  # with escape codes
