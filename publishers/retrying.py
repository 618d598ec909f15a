"""Calls to Odoo that may be made again, and the pauses between them.

In: a call that changes nothing, or the same however often it is made. Out: its answer, or the last
error.
"""

import random
from collections.abc import Callable
from typing import Any, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
)

from connections.errors import OdooError

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
T = TypeVar("T")


def pause_seconds(attempt: int) -> float:
    """How long to wait after this attempt, the first being 1: exponential with jitter, so that two
    that collided do not collide again.
    """
    return FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311


def repeated(
    call: Callable[[], T],
    attempts: int = ATTEMPTS,
    is_lost: Callable[[Any], bool] = lambda _answer: False,
) -> T:
    """The answer of a call that may be repeated; the last one where all were lost.

    Raises the last OdooError where none came, and at once one that no repetition would change.
    """
    retry = Retrying(
        retry=retry_if_exception(_may_pass_later) | retry_if_result(is_lost),
        stop=stop_after_attempt(attempts),
        wait=lambda state: pause_seconds(state.attempt_number),
        retry_error_callback=_last,
    )
    return retry(call)


def _may_pass_later(error: BaseException) -> bool:
    return isinstance(error, OdooError) and error.is_retryable


def _last(state: RetryCallState) -> Any:
    assert state.outcome is not None
    return state.outcome.result()
