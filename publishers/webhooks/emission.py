"""Freezes events of the mart into ops, once each, and queues them for delivery.

In: rows of serving.fct_lifecycle_events that are not emitted. Out: ops.lifecycle_events with the
payload as it will be sent, and one delivery each. Afterwards the mart may be rebuilt from nothing:
what was emitted stays what it was, and is not emitted again.

Decisions, first that applies: off (the service has no webhooks), held (waits for a person),
history (older than the service's switch-on, and nothing was told before that it would follow up),
stale (the mart is older than ops), send.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection
from psycopg2.extras import Json, execute_values

from connections.postgres import warehouse
from connections.settings import Settings
from publishers.webhooks.endpoints import Endpoint, read_endpoints
from publishers.webhooks.errors import WebhookError
from publishers.webhooks.payload import PendingEvent, build
from publishers.webhooks.reports import EmitReport, EventNote

# Serialises emissions, so that the order of the numbers is the order of the commits.
EMISSION_LOCK = 0x656D6974

SILENT = ("off", "history")
EXAMPLES_OF_SILENCE = 100
# So many events at once are told to the planner: without, each claim would read the whole backlog.
MANY = 100

COLUMNS = tuple(PendingEvent.__dataclass_fields__)

PENDING = sql.SQL(
    "select {columns} from {serving}.fct_lifecycle_events as pending where emitted_at is null"
    " and not exists (select 1 from ops.lifecycle_events as frozen"
    " where frozen.event_id = pending.event_id) order by occurred_at, event_id"
)

LATEST_OF_SUBJECT = """
select distinct on (subject) subject, event_id
from ops.lifecycle_events
where subject = any(%s)
order by subject, (payload ->> 'sequence')::bigint desc
"""

ACTIVATE = """
insert into ops.webhook_activations (service, events_from) values %s on conflict do nothing
"""

FREEZE = """
insert into ops.lifecycle_events (event_id, event_type, service, external_subscription_id,
    deployment_id, subject, cause, occurred_at, payload, reason) values %s
"""

QUEUE = """
insert into ops.webhook_deliveries
    (event_id, service, external_subscription_id, url_name, sequence, next_attempt_at) values %s
"""


def emit(settings: Settings, *, go: bool = False, history: bool = False) -> EmitReport:
    """Freeze what is to be sent; without `go` only say what would be, and why.

    `history` also sends what happened before the service was switched on. Raises WebhookError
    where the mart is not built.
    """
    with warehouse(settings) as conn:
        if go:
            with conn.cursor() as cursor:
                cursor.execute("select pg_advisory_xact_lock(%s)", (EMISSION_LOCK,))
        endpoints = read_endpoints(conn, settings)
        pending = _pending(conn, settings)
        starts = _starts(conn, endpoints, settings.as_of, record=go)
        decided = _decide(conn, pending, endpoints, {} if history else starts)
        if go:
            _freeze(conn, [event for event, verdict, _ in decided if verdict == "send"], endpoints)
    report = _report(decided, dry_run=not go)
    report.switched_off = sorted(e.service for e in endpoints.values() if not e.is_enabled)
    return report


Decided = tuple[PendingEvent, str, str | None]


def _pending(conn: connection, settings: Settings) -> list[PendingEvent]:
    serving = settings.schema("serving")
    query = PENDING.format(
        columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)), serving=sql.Identifier(serving)
    )
    with conn.cursor() as cursor:
        try:
            cursor.execute(query)
        except psycopg2.errors.UndefinedTable as error:
            raise WebhookError(
                f"{serving}.fct_lifecycle_events is not there: `billing run` makes it"
            ) from error
        return [PendingEvent(*row) for row in cursor.fetchall()]


def _starts(
    conn: connection, endpoints: dict[str, Endpoint], as_of: datetime, *, record: bool
) -> dict[str, datetime]:
    """From when each enabled service is told: its first emission, which is recorded once."""
    enabled = [item.service for item in endpoints.values() if item.is_enabled]
    with conn.cursor() as cursor:
        if record:
            execute_values(cursor, ACTIVATE, [(service, as_of) for service in enabled])
        cursor.execute("select service, events_from from ops.webhook_activations")
        recorded = dict(cursor.fetchall())
    return {service: recorded.get(service, as_of) for service in enabled}


def _decide(
    conn: connection,
    pending: Sequence[PendingEvent],
    endpoints: dict[str, Endpoint],
    starts: dict[str, datetime],
) -> list[Decided]:
    latest = _latest(conn, [event.subject for event in pending])
    return [(event, *_decision(event, endpoints, starts, latest)) for event in pending]


def _latest(conn: connection, subjects: list[str]) -> dict[str, str]:
    with conn.cursor() as cursor:
        cursor.execute(LATEST_OF_SUBJECT, (subjects,))
        return dict(cursor.fetchall())


def _decision(
    event: PendingEvent,
    endpoints: dict[str, Endpoint],
    starts: dict[str, datetime],
    latest: dict[str, str],
) -> tuple[str, str | None]:
    endpoint = endpoints.get(event.service)
    if endpoint is None or not endpoint.is_enabled:
        return "off", f"webhooks are off for {event.service} (services.csv, webhook_enabled)"
    if not endpoint.url_name:
        return "off", f"services.csv names no webhook_url_name for {event.service}"
    if event.held_reason is not None:
        return "held", event.held_reason
    start = starts.get(event.service)
    is_first = event.previous_event_id is None
    if is_first and start is not None and event.occurred_at < start:
        return "history", f"before {start.isoformat()}, when {event.service} was switched on"
    if latest.get(event.subject) != event.previous_event_id:
        return "stale", "something newer was emitted for it: `billing run` rebuilds the mart"
    return "send", None


def _freeze(
    conn: connection, events: Sequence[PendingEvent], endpoints: dict[str, Endpoint]
) -> None:
    frozen, queued = [], []
    for event, sequence in zip(events, _sequences(conn, len(events)), strict=True):
        frozen.append(
            (
                event.event_id,
                event.event_type,
                event.service,
                event.external_subscription_id,
                event.deployment_id,
                event.subject,
                event.cause,
                event.occurred_at,
                Json(build(event, sequence)),
                event.reason,
            )
        )
        url_name = endpoints[event.service].url_name
        queued.append(
            (event.event_id, event.service, event.external_subscription_id, url_name, sequence)
        )
    with conn.cursor() as cursor:
        execute_values(cursor, FREEZE, frozen)
        execute_values(cursor, QUEUE, queued, template="(%s, %s, %s, %s, %s, now())")
        if len(queued) >= MANY:
            cursor.execute("analyze ops.webhook_deliveries")


def _sequences(conn: connection, count: int) -> list[int]:
    with conn.cursor() as cursor:
        cursor.execute(
            "select nextval('ops.webhook_delivery_sequence') from generate_series(1, %s)", (count,)
        )
        return sorted(row[0] for row in cursor.fetchall())


def _report(decided: Sequence[Decided], *, dry_run: bool) -> EmitReport:
    counts = Counter(verdict for _, verdict, _ in decided)
    notes = [
        EventNote(
            event_id=event.event_id,
            event_type=event.event_type,
            service=event.service,
            external_subscription_id=event.external_subscription_id,
            deployment_id=event.deployment_id,
            occurred_at=event.occurred_at,
            invoice_reference=event.invoice_reference,
            reason=event.reason,
            decision=verdict,
            why=why,
        )
        for event, verdict, why in _noteworthy(decided)
    ]
    return EmitReport(
        dry_run=dry_run,
        emitted=0 if dry_run else counts["send"],
        held=counts["held"],
        history=counts["history"],
        off=counts["off"],
        stale=counts["stale"],
        events=notes,
    )


def _noteworthy(decided: Sequence[Decided]) -> list[Decided]:
    """All that is sent or held; of what stays silent, which may be years, some examples."""
    silent: Counter[str] = Counter()
    shown = []
    for entry in decided:
        silent[entry[1]] += 1
        if entry[1] not in SILENT or silent[entry[1]] <= EXAMPLES_OF_SILENCE:
            shown.append(entry)
    return shown
