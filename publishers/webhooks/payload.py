"""The JSON that an app receives, frozen once when an event is emitted.

In: one row of serving.fct_lifecycle_events. Out: the payload, and the exact bytes for the wire.
docs/webhook-event.schema.json is its contract; a field is only ever added, and a change of
meaning gets a new API_VERSION.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

API_VERSION = "2026-06-01"


@dataclass(frozen=True)
class PendingEvent:
    """An event of the mart that is not emitted yet. Amounts carry their currency's decimals."""

    event_id: str
    event_type: str
    service: str
    external_subscription_id: str
    deployment_id: str | None
    external_customer_id: str | None
    subject: str
    cause: str
    occurred_at: datetime
    reason: str
    document_key: str | None
    odoo_move_id: int | None
    invoice_reference: str | None
    due_on: date | None
    currency: str | None
    total_amount: Decimal | None
    residual_amount: Decimal | None
    settled_by: str | None
    ended_at: datetime | None
    previous_event_id: str | None
    held_reason: str | None


def build(event: PendingEvent, sequence: int) -> dict[str, Any]:
    """The payload. `sequence` grows within a subscription, so a receiver can drop what is stale."""
    return {
        "id": event.event_id,
        "type": event.event_type,
        "api_version": API_VERSION,
        "sequence": sequence,
        "occurred_at": _instant(event.occurred_at),
        "service": event.service,
        "external_subscription_id": event.external_subscription_id,
        "external_customer_id": event.external_customer_id,
        "deployment_id": event.deployment_id,
        "reason": event.reason,
        "cause": event.cause,
        "invoice": None if event.document_key is None else _invoice(event),
        "ended_at": None if event.ended_at is None else _instant(event.ended_at),
    }


def wire_bytes(payload: dict[str, Any]) -> bytes:
    """The same payload is always the same bytes, also after a trip through jsonb."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _invoice(event: PendingEvent) -> dict[str, Any]:
    return {
        "reference": event.invoice_reference,
        "document_key": event.document_key,
        "odoo_id": event.odoo_move_id,
        "due_on": None if event.due_on is None else event.due_on.isoformat(),
        "currency": event.currency,
        "total_amount": _amount(event.total_amount),
        "residual_amount": _amount(event.residual_amount),
        "settled_by": event.settled_by,
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
