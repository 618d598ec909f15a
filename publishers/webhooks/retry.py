"""Decides what becomes of a delivery after an attempt.

In: the receiver's answer and how often it was tried. Out: the next state and when to try again.
Waits grow twofold with jitter, so that receivers that come back are not met by everyone at once;
a receiver that names a time (Retry-After) is not asked earlier.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

HTTP_GONE = 410


@dataclass(frozen=True)
class RetryPolicy:
    """About two days of tries: 30 s, 1 min, 2 min ... 12 h, 12 h, then the dead letters."""

    maximum_attempts: int = 15
    first_wait_seconds: float = 30.0
    longest_wait_seconds: float = 12 * 3600.0
    longest_retry_after_seconds: float = 24 * 3600.0


@dataclass(frozen=True)
class ReceiverAnswer:
    """What came of one POST: a status, or an error where none came."""

    status: int | None
    error: str | None
    body: str
    duration_ms: int
    retry_after: str | None = None
    is_unreachable: bool = False


@dataclass(frozen=True)
class Verdict:
    """The delivery's next state; `wait` is for `pending` only."""

    state: str
    wait: timedelta | None
    error: str | None


def judge(
    answer: ReceiverAnswer,
    attempts: int,
    policy: RetryPolicy,
    now: datetime,
    dice: random.Random,
) -> Verdict:
    """2xx is delivered, 410 disables the endpoint, all else is tried again until it is dead.

    Other 4xx are tried again too: a receiver in the middle of a deployment or a rotation of
    secrets answers 404 or 401 for a while, and a lost event costs more than a few more requests.
    """
    if answer.status is not None and 200 <= answer.status < 300:
        return Verdict("delivered", None, None)
    error = answer.error or f"the receiver answered {answer.status}"
    if answer.status == HTTP_GONE:
        return Verdict("disabled", None, "the receiver answered 410: it wants no more events")
    if attempts >= policy.maximum_attempts:
        return Verdict("dead", None, error)
    return Verdict("pending", _wait(answer, attempts, policy, now, dice), error)


def _wait(
    answer: ReceiverAnswer, attempts: int, policy: RetryPolicy, now: datetime, dice: random.Random
) -> timedelta:
    doubled = policy.first_wait_seconds * 2.0 ** min(attempts - 1, 60)
    seconds = min(doubled, policy.longest_wait_seconds) * dice.uniform(0.5, 1.0)
    asked = min(_asked_seconds(answer.retry_after, now), policy.longest_retry_after_seconds)
    return timedelta(seconds=max(seconds, asked))


def _asked_seconds(header: str | None, now: datetime) -> float:
    """Seconds that Retry-After asks for: a number, or an HTTP date; 0 where it is unreadable."""
    if header is None:
        return 0.0
    text = header.strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
