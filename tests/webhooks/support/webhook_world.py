"""A warehouse with events to tell, without dbt: the marts are plain tables of the same shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2

from connections.settings import Settings

URL_NAME = "NEXACLOUD_WEBHOOK_URL"
SECRET_NAME = "NEXACLOUD_WEBHOOK_SECRET"
SECRET = "whsec-0123456789abcdef0123456789abcdef"
START = datetime(2026, 6, 3, 12, 0, tzinfo=UTC)

MARTS = """
create schema marts;
create schema serving;
create table marts.dim_services (
    service text, is_webhook_enabled boolean, webhook_url_name text, webhook_secret_name text
);
create table serving.fct_lifecycle_events (
    event_id text primary key, event_type text, service text, external_subscription_id text,
    deployment_id text, external_customer_id text, subject text, cause text,
    occurred_at timestamptz, reason text, document_key text, odoo_move_id bigint,
    invoice_reference text, due_on date, currency text, total_amount numeric,
    residual_amount numeric, settled_by text, ended_at timestamptz, previous_event_id text,
    held_reason text, emitted_at timestamptz
);
"""


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class World:
    """One warehouse and the names in it."""

    settings: Settings
    clock: Clock = field(default_factory=Clock)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.settings.warehouse_dsn) as conn, conn.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def create_marts(self, *, enabled: bool = True) -> None:
        self.rows(MARTS)
        self.rows(
            "insert into marts.dim_services values (%s, %s, %s, %s), (%s, %s, %s, %s)",
            *("nexacloud", enabled, URL_NAME, SECRET_NAME),
            *("nexadesk", False, "NEXADESK_WEBHOOK_URL", "NEXADESK_WEBHOOK_SECRET"),
        )

    def propose(self, event_id: str, **changes: Any) -> None:
        """Put one event into the mart, as dbt would."""
        values: dict[str, Any] = {
            "event_id": event_id,
            "event_type": "invoice.payment_failed",
            "service": "nexacloud",
            "external_subscription_id": "sub-1",
            "deployment_id": "dep-1",
            "external_customer_id": "user-1",
            "subject": f"subject of {event_id}",
            "cause": "account.move,7,due 2026-05-25",
            "occurred_at": START,
            "reason": "Invoice INV/7 is unpaid.",
            "document_key": "doc-7",
            "odoo_move_id": 7,
            "invoice_reference": "INV/7",
            "due_on": "2026-05-25",
            "currency": "CAD",
            "total_amount": "226.00",
            "residual_amount": "226.00",
        } | changes
        columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        self.rows(
            f"insert into serving.fct_lifecycle_events ({columns}) values ({marks})",
            *values.values(),
        )

    def states(self) -> dict[str, str]:
        return dict(self.rows("select event_id, state from ops.webhook_deliveries"))

    def attempts(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "select deliveries.event_id, status, error, duration_ms, response_body"
            " from ops.webhook_attempts join ops.webhook_deliveries as deliveries"
            " using (delivery_id) order by attempt_id"
        )
