"""Carries frozen events to their receivers.

In: ops.webhook_deliveries that are due. Out: signed POSTs, every attempt on record, the next state
of each delivery. One thread owns the database session; the others only wait for receivers.

At least once: a claim is committed before the POST and the record after it, so a death in between
sends the event again. In order: of each subscription only the oldest undelivered event is claimed,
and a dead letter holds back what follows it until a person replays or discards it.
"""

import random
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

from psycopg2.extensions import connection

from connections.errors import SettingsError
from connections.postgres import warehouse
from connections.settings import Settings
from publishers.webhooks import backlog
from publishers.webhooks.endpoints import OpenEndpoint, guard_policy, open_endpoint, read_endpoints
from publishers.webhooks.errors import WebhookError
from publishers.webhooks.guard import Resolver, system_resolver
from publishers.webhooks.queue import Claim, Landed, Queue, presence
from publishers.webhooks.reports import DeliveryNote, DeliveryReport
from publishers.webhooks.retry import Answer, RetryPolicy, Verdict, judge
from publishers.webhooks.sender import Sender, Timeouts

# A receiver that cannot be reached so often in a row is left alone until the next run.
UNREACHABLE_IN_A_ROW = 5
# A report names every failure, and so many of what went well.
DELIVERED_SHOWN = 1000
APPLICATION_NAME = "fusion_billing_webhooks"


def utc_now() -> datetime:
    """The wall clock: retries live in real time, not in the data's `as_of`."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Options:
    """How a run delivers. Tests give a clock that jumps and dice that are seeded."""

    concurrency: int = 8
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeouts: Timeouts = field(default_factory=Timeouts)
    clock: Callable[[], datetime] = utc_now
    dice: random.Random = field(default_factory=random.Random)
    resolver: Resolver = system_resolver
    after_answer: Callable[[Claim, Answer], None] | None = None


def deliver(
    settings: Settings,
    *,
    go: bool = False,
    limit: int | None = None,
    options: Options | None = None,
) -> DeliveryReport:
    """Send what is due, at most `limit` attempts; without `go` only say what would be sent.

    Raises WebhookConfigError where the marts are not built; problems of one service are in the
    report and leave the others alone.
    """
    options = options or Options()
    report = DeliveryReport(dry_run=not go)
    with warehouse(settings, application_name=APPLICATION_NAME) as conn:
        endpoints = _open_endpoints(conn, settings, report)
        if go:
            with presence(conn) as worker:
                queue = Queue(conn, worker)
                with _sender(settings, options) as sender:
                    _Run(queue, sender, endpoints, options, report).until_nothing_is_due(limit)
        else:
            report.deliveries = backlog.preview(conn, options.clock())
        report.waiting = backlog.count_waiting(conn)
    return report


def _sender(settings: Settings, options: Options) -> Sender:
    return Sender(
        guard_policy(settings),
        options.clock,
        timeouts=options.timeouts,
        connections=options.concurrency,
        resolver=options.resolver,
    )


def _open_endpoints(
    conn: connection, settings: Settings, report: DeliveryReport
) -> dict[str, OpenEndpoint]:
    """The enabled services that can be sent to; the report says what is wrong with the others."""
    opened: dict[str, OpenEndpoint] = {}
    gone = backlog.disabled_services(conn)
    for endpoint in read_endpoints(conn, settings).values():
        if not endpoint.is_enabled:
            continue
        if endpoint.service in gone:
            report.problems.append(
                f"{endpoint.service}: its receiver answered 410 and is switched off: fix it, "
                f"then `billing events --replay {gone[endpoint.service]}`"
            )
            continue
        try:
            opened[endpoint.service] = open_endpoint(settings, endpoint)
        except (WebhookError, SettingsError) as error:
            report.problems.append(f"{endpoint.service}: {error}")
    return opened


class _Run:
    """One pass over the queue, until nothing is due and nothing is in the air."""

    def __init__(
        self,
        queue: Queue,
        sender: Sender,
        endpoints: dict[str, OpenEndpoint],
        options: Options,
        report: DeliveryReport,
    ) -> None:
        self._queue = queue
        self._sender = sender
        self._endpoints = dict(endpoints)
        self._options = options
        self._report = report
        self._unreachable: dict[str, int] = {}
        self._flying: dict[Future[Answer], Claim] = {}

    def until_nothing_is_due(self, limit: int | None) -> None:
        options = self._options
        self._report.recovered = self._queue.recover(
            options.retry.maximum_attempts, options.clock()
        )
        with ThreadPoolExecutor(options.concurrency, "webhook") as pool:
            self._launch(pool, limit)
            while self._flying:
                landed, _ = wait(self._flying, return_when=FIRST_COMPLETED)
                self._record(landed)
                self._launch(pool, limit)

    def _launch(self, pool: ThreadPoolExecutor, limit: int | None) -> None:
        """Claim, commit, send. A few wait in the pool, so that no thread waits for a commit."""
        threads = self._options.concurrency
        room = (threads if threads == 1 else 2 * threads) - len(self._flying)
        if limit is not None:
            room = min(room, limit - self._report.attempted)
        claims = self._queue.claim(list(self._endpoints), room, self._options.clock())
        self._queue.conn.commit()
        for claim in claims:
            endpoint = self._endpoints[claim.service]
            self._flying[pool.submit(self._sender.post, endpoint, claim.payload)] = claim
        self._report.attempted += len(claims)

    def _record(self, futures: Iterable[Future[Answer]]) -> None:
        options = self._options
        now = options.clock()
        landed: list[Landed] = []
        for future in futures:
            claim, answer = self._flying.pop(future), future.result()
            if options.after_answer is not None:
                options.after_answer(claim, answer)
            verdict = judge(answer, claim.attempts, options.retry, now, options.dice)
            landed.append((claim, answer, verdict))
            self._note(claim, answer, verdict, now)
        self._queue.record(landed, now)

    def _note(self, claim: Claim, answer: Answer, verdict: Verdict, now: datetime) -> None:
        report = self._report
        report.delivered += verdict.state == "delivered"
        report.retrying += verdict.state == "pending"
        report.dead += verdict.state == "dead"
        report.disabled += verdict.state == "disabled"
        self._rest(claim.service, answer, verdict)
        if verdict.state == "delivered" and report.delivered > DELIVERED_SHOWN:
            return
        report.deliveries.append(
            DeliveryNote(
                event_id=claim.event_id,
                event_type=claim.event_type,
                service=claim.service,
                external_subscription_id=claim.external_subscription_id,
                sequence=claim.sequence,
                state=verdict.state,
                attempts=claim.attempts,
                next_attempt_at=None if verdict.wait is None else now + verdict.wait,
                status=answer.status,
                error=verdict.error,
            )
        )

    def _rest(self, service: str, answer: Answer, verdict: Verdict) -> None:
        """Stop sending to a receiver that is gone or cannot be reached."""
        streak = self._unreachable.get(service, 0) + 1 if answer.is_unreachable else 0
        self._unreachable[service] = streak
        if service not in self._endpoints:
            return
        if verdict.state == "disabled":
            self._stop(service, "its receiver answered 410: switched off")
        elif streak >= UNREACHABLE_IN_A_ROW:
            self._stop(service, f"unreachable {streak} times in a row: left for the next run")

    def _stop(self, service: str, why: str) -> None:
        del self._endpoints[service]
        self._report.problems.append(f"{service}: {why}")
