"""Progress of a Dagster run, for a terminal.

Flows in: the run's events as they happen. Flows out: one moving line, or a line every few seconds
where there is no terminal (cron, a log file).
"""

from __future__ import annotations

import time
from types import TracebackType

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

SECONDS_BETWEEN_LINES = 5.0
# The last column takes what the terminal has left, and no more.
NEWS = Column(ratio=1, no_wrap=True, overflow="ellipsis")


class RunProgress:
    """What a run is doing: assets done of all, checks passed and failed, the latest news."""

    def __init__(self, terminal: Console, job: str, assets: int) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.fields[job]}[/]"),
            BarColumn(bar_width=12),
            TextColumn(
                "{task.completed:.0f}/{task.total:.0f} assets, {task.fields[checks]} checks"
            ),
            TimeElapsedColumn(),
            TextColumn("{task.description}", style="dim", table_column=NEWS),
            console=terminal,
            transient=True,
            expand=True,
            # What dbt and Dagster print belongs in the log: rich would bring it back here.
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not terminal.is_terminal,
        )
        self._terminal = terminal
        self._task = self._bar.add_task("starting", total=assets, job=job, checks=0)
        self._checks = 0
        self._last_line = 0.0

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def hear(self, entry: dg.EventLogEntry) -> None:
        """Take one entry of the run's event log."""
        event = entry.dagster_event
        if event is None:
            self._say(entry.user_message)
        elif event.is_step_materialization:
            self._bar.advance(self._task)
            key = event.step_materialization_data.materialization.asset_key
            self._say(key.to_user_string())
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._checks += 1
            self._bar.update(self._task, checks=self._checks)

    def note(self, sentence: str) -> None:
        """Something that a person should read, on a line of its own that stays."""
        self._terminal.print(sentence, markup=False, highlight=False)

    def _say(self, news: str) -> None:
        short = news.splitlines()[0][:60] if news.strip() else ""
        self._bar.update(self._task, description=short)
        now = time.monotonic()
        if not self._terminal.is_terminal and now - self._last_line > SECONDS_BETWEEN_LINES:
            self._last_line = now
            task = self._bar.tasks[0]
            self._terminal.print(
                f"  {task.completed:.0f}/{task.total:.0f} assets, {self._checks} checks: {short}",
                markup=False, highlight=False, no_wrap=True, overflow="ellipsis",
            )  # fmt: skip
