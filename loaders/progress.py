"""Signs of life. Bytes and rows so far flow in; `Progress` with rate and ETA flows out to whoever
asked for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg2

from loaders.contracts import Table
from loaders.report import Progress, ProgressCallback


class Meter:
    """Rows so far -> Progress events of one table."""

    def __init__(self, table: Table, total: int | None, callback: ProgressCallback | None) -> None:
        self._name = f"{table.schema}.{table.name}"
        self._total = total or None
        self._callback = callback
        self._started = time.monotonic()
        self._rows, self._doing = 0, ""

    def say(self, doing: str) -> None:
        """What is done with the rows now, where no count moves meanwhile."""
        self._doing = doing
        self.show(self._rows)

    def show(self, rows: int, is_done: bool = False) -> None:
        self._rows = rows
        if self._callback is None:
            return
        doing = "" if is_done else self._doing
        seconds = max(time.monotonic() - self._started, 1e-6)
        rate = rows / seconds
        left = max(self._total - rows, 0) / rate if self._total and rate else None
        self._callback(Progress(self._name, rows, self._total, rate, left, is_done, doing))


def copy_watch(meter: Meter, rows_so_far: Callable[[], int | None]) -> Callable[[int], None]:
    """For pipe_copy: the bytes say nothing about rows, so the receiving server is asked instead."""

    def watch(_: int) -> None:
        try:
            rows = rows_so_far()
        except psycopg2.Error:
            # Progress is a courtesy; the copy itself will say what is wrong with the server.
            return
        if rows is not None:
            meter.show(rows)

    return watch
