"""Try again what may go well the next time. A call flows in; its answer, or the last error, flows
out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from connections.errors import OdooError
from connections.settings import Settings

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0

Answer = TypeVar("Answer")


def retrying(settings: Settings, call: Callable[[], Answer]) -> Answer:
    """Reading changes nothing, so an unknown outcome is simply asked again, with exponential
    jitter.
    """
    retry = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, OdooError) and error.is_retryable),
        stop=stop_after_attempt(settings.odoo_attempts),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
        before_sleep=lambda state: _say(state, settings.odoo_attempts),
        reraise=True,
    )
    return retry(call)


def _say(state: RetryCallState, attempts: int) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning(
        "%s: asking again in %.1f s (attempt %d of %d)",
        error,
        state.upcoming_sleep,
        state.attempt_number + 1,
        attempts,
    )
