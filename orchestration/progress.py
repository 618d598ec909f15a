"""A loader's signs of life, in words.

Flows in: counts of a copy under way. Flows out: a sentence for Dagster's log, or a spinner on
stderr.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from loaders.report import Progress as LoadProgress
from orchestration.render import stderr


def in_words(news: LoadProgress) -> str:
    """A loader's sign of life: rows, rate, time to go."""
    of = "" if news.total is None else f" of about {news.total:,}"
    left = "" if news.eta_seconds is None else f", {news.eta_seconds:.0f} s to go"
    return f"{news.table}: {news.rows:,}{of} rows, {news.rows_per_second:,.0f} a second{left}"


@contextmanager
def loading() -> Iterator[Callable[[LoadProgress], None]]:
    """A spinner on stderr that tells what is being copied."""
    with stderr.status("loading") as spinner:
        yield lambda news: spinner.update(in_words(news))
