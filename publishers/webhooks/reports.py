"""What the webhooks verbs say they did, for a person and, through `as_json`, for a machine."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


def _plain(value: Any) -> Any:
    """Times as ISO 8601; lists and dicts all the way down."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class Report:
    """A dataclass that JSON can carry."""

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers."""
        return {key: _plain(item) for key, item in asdict(self).items()}  # type: ignore[call-overload]


@dataclass(frozen=True)
class EventNote:
    """One event and what becomes of it: send, held, history, off, stale or known."""

    event_id: str
    event_type: str
    service: str
    external_subscription_id: str
    deployment_id: str | None
    occurred_at: datetime
    invoice_reference: str | None
    reason: str
    decision: str
    why: str | None = None


@dataclass
class EmitReport(Report):
    """Events frozen into ops, or what would be; `switched_off`: services without webhooks."""

    dry_run: bool
    emitted: int = 0
    held: int = 0
    history: int = 0
    off: int = 0
    stale: int = 0
    switched_off: list[str] = field(default_factory=list)
    events: list[EventNote] = field(default_factory=list)


@dataclass(frozen=True)
class DeliveryNote:
    """One delivery and how it stands after this run, or why it would be sent or not."""

    event_id: str
    event_type: str
    service: str
    external_subscription_id: str
    sequence: int
    state: str
    attempts: int
    next_attempt_at: datetime | None
    status: int | None
    error: str | None


@dataclass
class DeliveryReport(Report):
    """Attempts of one run; `waiting` is what is left pending, whenever it is due."""

    dry_run: bool
    attempted: int = 0
    delivered: int = 0
    retrying: int = 0
    dead: int = 0
    disabled: int = 0
    recovered: int = 0
    waiting: int = 0
    problems: list[str] = field(default_factory=list)
    deliveries: list[DeliveryNote] = field(default_factory=list)


@dataclass(frozen=True)
class ServiceSummary:
    """How one service's webhooks stand; the lag is the age of the oldest undelivered event."""

    service: str
    is_enabled: bool
    pending: int
    delivered: int
    dead: int
    disabled: int
    oldest_unsent_at: datetime | None
    lag_seconds: float


@dataclass
class Summary(Report):
    """All services: what the asset checks and the status page read."""

    services: list[ServiceSummary]

    @property
    def dead(self) -> int:
        """Events that a person has to look at."""
        return sum(service.dead for service in self.services)

    @property
    def lag_seconds(self) -> float:
        """The worst lag of any enabled service."""
        return max((item.lag_seconds for item in self.services if item.is_enabled), default=0.0)
