"""Errors of ours as Dagster is told them: a Failure that names the thing.

Flows in: exceptions of connections, loaders, publishers, sandbox and dbt. Flows out: the same
sentence everywhere, and whether trying again can help: an unknown outcome may pass, a wrong
password never does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

RETRY = dg.RetryPolicy(
    max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)


@contextmanager
def as_failures(doing: str) -> Iterator[None]:
    """Turn an error of ours into a Failure; Dagster retries it only where it may pass."""
    try:
        yield
    except Exception as error:
        # Imported where something was raised: it brings every room along.
        from orchestration.errors import OURS, is_transient

        if not isinstance(error, OURS):
            raise
        raise dg.Failure(
            description=f"{doing}: {error}",
            metadata={"error": type(error).__name__, "is_transient": str(is_transient(error))},
            allow_retries=is_transient(error),
        ) from None
