"""The deliveries in schema `ops`: claim, record, recover. All SQL of the delivery loop is here.

In and out: rows of ops.webhook_deliveries. The caller commits: a claim before the POST, a record
after it. A process that dies between the two leaves `delivering` behind; the next one sees that
its owner is gone and sends again.

An owner is alive while its session holds an advisory lock, so no clock and no lease decides it:
PostgreSQL gives the lock back the moment the session ends, killed or not.
"""

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection
from psycopg2.extras import execute_values

from publishers.webhooks.retry import ReceiverAnswer, Verdict
from publishers.webhooks.signature import SIGNATURE_VERSION

# The first key of every worker's lock: the ASCII of "webh".
WORKER_LOCK_CLASS = 0x77656268

CLAIM = """
update ops.webhook_deliveries as deliveries
set state = 'delivering', claimed_by = %(worker)s, claimed_at = %(now)s,
    attempts = deliveries.attempts + 1
from (
    select heads.delivery_id
    from ops.webhook_deliveries as heads
    where heads.state = 'pending'
      and heads.next_attempt_at <= %(now)s
      and heads.service = any(%(services)s)
      and not exists (
          select 1
          from ops.webhook_deliveries as earlier
          where earlier.service = heads.service
            and earlier.external_subscription_id = heads.external_subscription_id
            and earlier.sequence < heads.sequence
            and earlier.state not in ('delivered', 'discarded')
      )
    order by heads.sequence
    limit %(limit)s
    for update skip locked
) as claimed, ops.lifecycle_events as events
where deliveries.delivery_id = claimed.delivery_id and events.event_id = deliveries.event_id
returning deliveries.delivery_id, deliveries.event_id, events.event_type, deliveries.service,
    deliveries.external_subscription_id, deliveries.sequence, deliveries.attempts, events.payload
"""

RECORD = """
update ops.webhook_deliveries as deliveries
set state = landed.state, next_attempt_at = landed.next_attempt_at,
    last_status = landed.status, last_error = landed.error,
    delivered_at = case when landed.state = 'delivered' then landed.at else delivered_at end
from (values %s) as landed (delivery_id, worker, state, next_attempt_at, status, error, at)
where deliveries.delivery_id = landed.delivery_id
  and deliveries.state = 'delivering' and deliveries.claimed_by = landed.worker
"""
RECORD_TYPES = "(%s, %s, %s, %s::timestamptz, %s::int, %s::text, %s::timestamptz)"

ATTEMPT = """
insert into ops.webhook_attempts
    (delivery_id, attempted_at, duration_ms, status, error, response_body, signature_version)
values %s
"""

RECOVER = """
update ops.webhook_deliveries as deliveries
set state = case when attempts >= %(maximum)s then 'dead' else 'pending' end,
    next_attempt_at = %(now)s, last_status = null, last_error = %(error)s
where state = 'delivering'
  and not exists (
      select 1
      from pg_locks as locks
      where locks.locktype = 'advisory'
        and locks.database = (select oid from pg_database where datname = current_database())
        and locks.classid = %(class)s
        and locks.objid = split_part(deliveries.claimed_by, ':', 1)::bigint
        and locks.granted
  )
returning delivery_id, claimed_at
"""


@dataclass(frozen=True)
class Claim:
    """One delivery that is ours to send now."""

    delivery_id: int
    event_id: str
    event_type: str
    service: str
    external_subscription_id: str
    sequence: int
    attempts: int
    payload: dict[str, Any]


Landed = tuple[Claim, ReceiverAnswer, Verdict]


@contextlib.contextmanager
def presence(conn: connection) -> Iterator[str]:
    """Hold this worker's lock for the block and give the worker's name, `<lock>:<host>:<pid>`."""
    number = secrets.randbelow(2**31)
    with conn.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s, %s)", (WORKER_LOCK_CLASS, number))
        conn.commit()
        try:
            yield f"{number}:{socket.gethostname()}:{os.getpid()}"
        finally:
            if not conn.closed:
                conn.rollback()
                cursor.execute("select pg_advisory_unlock(%s, %s)", (WORKER_LOCK_CLASS, number))
                conn.commit()


@dataclass(frozen=True)
class Queue:
    """The deliveries as one worker sees them."""

    conn: connection
    worker: str

    def claim(self, services: Sequence[str], limit: int, now: datetime) -> list[Claim]:
        """Up to `limit` deliveries that are due, the oldest of each subscription only."""
        if limit <= 0 or not services:
            return []
        with self.conn.cursor() as cursor:
            cursor.execute(
                CLAIM,
                {"worker": self.worker, "now": now, "services": list(services), "limit": limit},
            )
            claims = [Claim(*row) for row in cursor.fetchall()]
        return sorted(claims, key=lambda claim: claim.sequence)

    def record(self, landed: Sequence[Landed], now: datetime) -> None:
        """Write down attempts and what follows from them.

        What another worker took over meanwhile keeps that worker's state; the attempt was made
        and is on record all the same.
        """
        attempts, states = [], []
        for claim, answer, verdict in landed:
            due = None if verdict.wait is None else now + verdict.wait
            attempts.append(
                (
                    claim.delivery_id,
                    now,
                    answer.duration_ms,
                    answer.status,
                    answer.error,
                    answer.body,
                    SIGNATURE_VERSION,
                )
            )
            states.append(
                (
                    claim.delivery_id,
                    self.worker,
                    verdict.state,
                    due,
                    answer.status,
                    verdict.error,
                    now,
                )
            )
        with self.conn.cursor() as cursor:
            execute_values(cursor, ATTEMPT, attempts)
            execute_values(cursor, RECORD, states, template=RECORD_TYPES)

    def recover(self, maximum_attempts: int, now: datetime) -> int:
        """Take back what dead workers left claimed; each such attempt goes on record."""
        error = "the process ended before it recorded an answer: sent again"
        with self.conn.cursor() as cursor:
            cursor.execute(
                RECOVER,
                {
                    "maximum": maximum_attempts,
                    "now": now,
                    "error": error,
                    "class": WORKER_LOCK_CLASS,
                },
            )
            lost = cursor.fetchall()
            execute_values(
                cursor,
                ATTEMPT,
                [(row[0], row[1], None, None, error, None, SIGNATURE_VERSION) for row in lost],
            )
        return len(lost)
