"""Rows of a small NexaCloud, with every column that rating reads; a test names what it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def toronto(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    wall_clock = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo("America/Toronto"))
    return wall_clock.astimezone(UTC)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def plan(name: str, price: str | None = "0", **changes: Any) -> Row:
    return {
        "id": name,
        "code": name,
        "name": name,
        "price": price,
        "currency": "CAD",
        "billing_interval": "month",
        "included_cpu_seconds": 0,
        "overage_price_per_cpu_second": 0,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        **changes,
    }


def subscription(name: str, plan_id: str, started_at: datetime, **changes: Any) -> Row:
    return {
        "id": name,
        "user_id": "u1",
        "plan_id": plan_id,
        "status": "active",
        "started_at": started_at,
        "created_at": started_at,
        "updated_at": started_at,
        **changes,
    }


def usage(number: int, subscription_id: str, quantity: Any, at: datetime, **changes: Any) -> Row:
    return {
        "id": number,
        "subscription_id": subscription_id,
        "metric": "cpu_seconds",
        "quantity": quantity,
        "window_start": at,
        "window_end": at,
        "idempotency_key": f"key-{number}",
        "created_at": at,
        **changes,
    }
