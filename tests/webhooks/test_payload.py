"""What is sent is what docs/webhook-event.schema.json promises."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from publishers.webhooks.payload import PendingEvent, build, wire_bytes

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "webhook-event.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
TORONTO = timezone(timedelta(hours=-4))

FAILED: dict[str, Any] = {
    "event_id": "0" * 32,
    "event_type": "invoice.payment_failed",
    "service": "nexacloud",
    "external_subscription_id": "sub-1",
    "deployment_id": "dep-1",
    "external_customer_id": "user-1",
    "subject": "nexacloud:sub-1/dep-1/account.move,7",
    "cause": "account.move,7,due 2026-05-25",
    "occurred_at": datetime(2026, 6, 1, 0, 0, tzinfo=TORONTO),
    "reason": "Invoice INV/7 is unpaid.",
    "document_key": "doc-7",
    "odoo_move_id": 7,
    "invoice_reference": "INV/7",
    "due_on": date(2026, 5, 25),
    "currency": "CAD",
    "total_amount": Decimal("226.00"),
    "residual_amount": Decimal("1E+2"),
    "settled_by": None,
    "ended_at": None,
    "previous_event_id": None,
    "held_reason": None,
}
NO_INVOICE: dict[str, Any] = {
    "event_type": "subscription.terminated",
    "document_key": None,
    "odoo_move_id": None,
    "invoice_reference": None,
    "due_on": None,
    "currency": None,
    "total_amount": None,
    "residual_amount": None,
    "ended_at": datetime(2026, 6, 1, 0, 0, tzinfo=TORONTO),
}


def sent(**changes: Any) -> dict[str, Any]:
    """A payload as the receiver reads it."""
    event = PendingEvent(**(FAILED | changes))
    received = json.loads(wire_bytes(build(event, 41)))
    assert isinstance(received, dict)
    return received


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"event_type": "invoice.payment_succeeded", "settled_by": "payment"},
        {"event_type": "invoice.payment_succeeded", "settled_by": "credit_note"},
        {"event_type": "invoice.payment_reversed", "invoice_reference": None, "due_on": None},
        {"deployment_id": None, "external_customer_id": None},
        {"reason": "Zahlung über 1,00 € für „Käse“ \u0000 fehlt"},
        NO_INVOICE,
    ],
)
def test_every_kind_of_event_keeps_the_schema(changes: dict[str, Any]) -> None:
    VALIDATOR.validate(sent(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"event_type": "invoice.payment_maybe"},
        {"event_id": "short"},
        {"reason": ""},
        {"currency": "dollars"},
        {"settled_by": "prayer"},
        NO_INVOICE | {"ended_at": None},
        {"ended_at": datetime(2026, 6, 1, tzinfo=TORONTO)},
        {"document_key": None},
    ],
)
def test_the_schema_refuses_what_is_not_promised(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(sent(**changes))


def test_amounts_are_plain_strings_and_times_are_utc() -> None:
    payload = sent()
    assert payload["invoice"]["total_amount"] == "226.00"
    assert payload["invoice"]["residual_amount"] == "100"
    assert payload["occurred_at"] == "2026-06-01T04:00:00Z"
    assert (payload["sequence"], payload["deployment_id"]) == (41, "dep-1")


def test_every_field_of_the_schema_is_sent() -> None:
    assert set(sent()) == set(SCHEMA["properties"])
    assert set(sent()["invoice"]) == set(SCHEMA["$defs"]["invoice"]["properties"])
