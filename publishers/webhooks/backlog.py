"""What lies in the queue, for previews, reports and checks. Reads ops; changes nothing."""

from datetime import datetime

from psycopg2.extensions import connection

from connections.postgres import warehouse
from connections.settings import Settings
from publishers.webhooks.endpoints import read_endpoints
from publishers.webhooks.reports import DeliveryNote, ServiceSummary, Summary

PREVIEW_ROWS = 1000

PREVIEW = """
select deliveries.event_id, events.event_type, deliveries.service,
    deliveries.external_subscription_id, deliveries.sequence,
    case
        when deliveries.state <> 'pending' then deliveries.state
        when exists (
            select 1
            from ops.webhook_deliveries as earlier
            where earlier.service = deliveries.service
              and earlier.external_subscription_id = deliveries.external_subscription_id
              and earlier.sequence < deliveries.sequence
              and earlier.state not in ('delivered', 'discarded')
        ) then 'waits for an earlier event'
        when deliveries.next_attempt_at > %(now)s then 'waits for its next attempt'
        else 'due'
    end as state,
    deliveries.attempts, deliveries.next_attempt_at, deliveries.last_status,
    coalesce(deliveries.last_error, events.reason)
from ops.webhook_deliveries as deliveries
inner join ops.lifecycle_events as events on events.event_id = deliveries.event_id
where deliveries.state not in ('delivered', 'discarded')
order by deliveries.sequence
limit %(rows)s
"""

SUMMARY = """
select service,
    count(*) filter (where state in ('pending', 'delivering')),
    count(*) filter (where state = 'delivered'),
    count(*) filter (where state = 'dead'),
    count(*) filter (where state = 'disabled'),
    min(events.emitted_at) filter (where state not in ('delivered', 'discarded'))
from ops.webhook_deliveries
inner join ops.lifecycle_events as events using (event_id, service)
group by service
"""


def preview(conn: connection, now: datetime) -> list[DeliveryNote]:
    """Everything undelivered, in order, with what it waits for."""
    with conn.cursor() as cursor:
        cursor.execute(PREVIEW, {"now": now, "rows": PREVIEW_ROWS})
        return [DeliveryNote(*row) for row in cursor.fetchall()]


def is_due(settings: Settings, now: datetime) -> bool:
    """Would a run send anything: due for a service that is enabled, or left by a dead worker."""
    with warehouse(settings) as conn:
        endpoints = read_endpoints(conn, settings)
        enabled = {service for service, endpoint in endpoints.items() if endpoint.is_enabled}
        return any(
            note.service in enabled and note.state in ("due", "delivering")
            for note in preview(conn, now)
        )


def count_waiting(conn: connection) -> int:
    """How many deliveries are pending, due or not."""
    with conn.cursor() as cursor:
        cursor.execute("select from ops.webhook_deliveries where state = 'pending'")
        return cursor.rowcount


def disabled_services(conn: connection) -> dict[str, str]:
    """Services whose receiver answered 410, each with the event whose replay switches it on."""
    with conn.cursor() as cursor:
        cursor.execute(
            "select service, min(event_id) from ops.webhook_deliveries"
            " where state = 'disabled' group by service"
        )
        return dict(cursor.fetchall())


def summary(settings: Settings, now: datetime) -> Summary:
    """How every service's webhooks stand; a service without deliveries is there with zeros."""
    with warehouse(settings) as conn:
        endpoints = read_endpoints(conn, settings)
        with conn.cursor() as cursor:
            cursor.execute(SUMMARY)
            counted = {row[0]: row[1:] for row in cursor.fetchall()}
    services = []
    for service in sorted(endpoints.keys() | counted.keys()):
        pending, delivered, dead, disabled, oldest = counted.get(service, (0, 0, 0, 0, None))
        enabled = service in endpoints and endpoints[service].is_enabled
        lag = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        services.append(
            ServiceSummary(service, enabled, pending, delivered, dead, disabled, oldest, lag)
        )
    return Summary(services)
