"""What follows an attempt: delivered, again later, switched off, or the dead letters."""

import random
from datetime import UTC, datetime

import pytest

from publishers.webhooks.retry import ReceiverAnswer, RetryPolicy, judge

NOW = datetime(2026, 6, 3, 12, 0, tzinfo=UTC)
POLICY = RetryPolicy(maximum_attempts=5, first_wait_seconds=30, longest_wait_seconds=100)


def answered(status: int | None, retry_after: str | None = None) -> ReceiverAnswer:
    return ReceiverAnswer(status, None if status else "the connection broke", "", 5, retry_after)


def wait_seconds(
    answer: ReceiverAnswer, attempts: int, seed: int = 1, policy: RetryPolicy = POLICY
) -> float:
    verdict = judge(answer, attempts, policy, NOW, random.Random(seed))
    assert verdict.state == "pending"
    assert verdict.wait is not None
    return verdict.wait.total_seconds()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    assert judge(answered(status), 1, POLICY, NOW, random.Random(1)).state == "delivered"


@pytest.mark.parametrize(
    "status", [None, 100, 301, 302, 307, 308, 400, 401, 404, 409, 429, 500, 503]
)
def test_everything_else_is_tried_again(status: int | None) -> None:
    verdict = judge(answered(status), 1, POLICY, NOW, random.Random(1))
    assert verdict.state == "pending"
    assert verdict.error


def test_410_disables_at_once() -> None:
    assert judge(answered(410), 1, POLICY, NOW, random.Random(1)).state == "disabled"


def test_the_last_attempt_leads_to_the_dead_letters() -> None:
    assert judge(answered(500), 4, POLICY, NOW, random.Random(1)).state == "pending"
    assert judge(answered(500), 5, POLICY, NOW, random.Random(1)).state == "dead"
    assert judge(answered(200), 5, POLICY, NOW, random.Random(1)).state == "delivered"


def test_waits_double_up_to_a_limit_and_keep_within_half_of_it() -> None:
    for attempts, full in [(1, 30), (2, 60), (3, 100), (4, 100)]:
        waits = [wait_seconds(answered(500), attempts, seed) for seed in range(200)]
        assert min(waits) >= full / 2
        assert max(waits) <= full
        assert max(waits) - min(waits) > full / 4, "without jitter everyone comes back at once"


def test_the_wait_survives_a_thousand_attempts() -> None:
    many = RetryPolicy(maximum_attempts=10_000)
    assert wait_seconds(answered(500), 5_000, policy=many) <= many.longest_wait_seconds


@pytest.mark.parametrize(
    ("header", "least"),
    [
        ("120", 120),
        ("  120 ", 120),
        ("Wed, 03 Jun 2026 12:05:00 GMT", 300),
        ("99999999999999999999", 24 * 3600),
        ("Wed, 03 Jun 2099 12:05:00 GMT", 24 * 3600),
    ],
)
def test_retry_after_is_respected_up_to_a_day(header: str, least: float) -> None:
    assert wait_seconds(answered(429, header), 1) == least
    assert wait_seconds(answered(503, header), 1) == least


@pytest.mark.parametrize(
    "header", ["", "soon", "-5", "1.5", "٣", "Wed, 03 Jun 2026 11:00:00 GMT", "Wed, 99 Foo"]
)
def test_an_unreadable_or_past_retry_after_changes_nothing(header: str) -> None:
    assert wait_seconds(answered(429, header), 1) == wait_seconds(answered(429), 1)


def test_retry_after_never_shortens_our_own_wait() -> None:
    assert wait_seconds(answered(429, "1"), 3) >= 50
