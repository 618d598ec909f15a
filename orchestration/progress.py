"""A loader's signs of life, in words.

Flows in: counts of a copy under way. Flows out: a sentence for Dagster's log, or a spinner on
stderr.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from loaders.report import Progress as LoadProgress
from orchestration.render import stderr

SECONDS_BETWEEN = 5.0


def in_words(news: LoadProgress) -> str:
    """A loader's sign of life: rows, rate, time to go."""
    if news.doing:
        return f"{news.table}: {news.doing}" + (f" {news.rows:,} rows" if news.rows else "")
    if news.is_done:
        return f"{news.table}: {news.rows:,} rows, {news.rows_per_second:,.0f} a second"
    of = "" if news.total is None else f" of about {news.total:,}"
    left = "" if news.eta_seconds is None else f", {news.eta_seconds:.0f} s to go"
    return f"{news.table}: {news.rows:,}{of} rows, {news.rows_per_second:,.0f} a second{left}"


def now_and_then(tell: Callable[[str], object]) -> Callable[[LoadProgress], None]:
    """For a log: the end of each table, and on the way there a sentence every few seconds."""
    told = time.monotonic()

    def news(progress: LoadProgress) -> None:
        nonlocal told
        if progress.is_done or time.monotonic() - told >= SECONDS_BETWEEN:
            told = time.monotonic()
            tell(in_words(progress))

    return news


@contextmanager
def loading() -> Iterator[Callable[[LoadProgress], None]]:
    """A spinner on stderr that tells what is being copied."""
    with stderr.status("loading") as spinner:
        yield lambda news: spinner.update(in_words(news))
