"""Hands for tests of delivery: queue events, run, script a receiver, look at what arrived."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from faulty_receiver import OK, Act, Receiver
from webhook_world import START, World

from publishers.webhooks import Options, deliver, emit
from publishers.webhooks.reports import DeliveryReport


def queue(world: World, *events: tuple[str, str]) -> None:
    """Emit events (id, subscription), in this order."""
    for number, (event_id, subscription) in enumerate(events):
        world.propose(
            event_id,
            external_subscription_id=subscription,
            occurred_at=START + timedelta(seconds=number),
        )
    emit(world.settings, go=True)
    # Queued by the database's clock; the world's clock begins earlier.
    world.rows("update ops.webhook_deliveries set next_attempt_at = %s", START)


def run(world: World, options: Options, **arguments: Any) -> DeliveryReport:
    return deliver(world.settings, go=True, options=options, **arguments)


def failing_first(*acts: Act) -> Callable[[dict[str, Any]], Act]:
    """A plan: these acts in turn, then all is well."""
    left = list(acts)
    return lambda _event: left.pop(0) if left else OK


def arrived(receiver: Receiver) -> list[str]:
    return [event["id"] for event in receiver.wire]
