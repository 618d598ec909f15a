"""The shape of a NexaCloud database in memory, and the few rules that its generators share.

Flows in: nothing. Flows out: `Sample`, the rows of all tables as dicts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

Row = dict[str, Any]

AS_OF = datetime(2026, 6, 3, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/Toronto")
CURRENCY = "CAD"
TABLES = (
    "users",
    "plans",
    "subscriptions",
    "deployments",
    "usage_records",
    "invoices",
    "invoice_items",
)

_NAMESPACE = UUID("6f0c1d52-6f55-5d6b-9a0e-6e6578613031")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Sample:
    """The rows of a NexaCloud database, by table; ids are uuid texts, money is Decimal.

    `has_odoo_catalogue`: the old importer left plans, charges and shadow orders of it in Odoo.
    """

    users: list[Row] = field(default_factory=list)
    plans: list[Row] = field(default_factory=list)
    subscriptions: list[Row] = field(default_factory=list)
    deployments: list[Row] = field(default_factory=list)
    usage_records: list[Row] = field(default_factory=list)
    invoices: list[Row] = field(default_factory=list)
    invoice_items: list[Row] = field(default_factory=list)
    as_of: datetime = AS_OF
    has_odoo_catalogue: bool = True

    def tables(self) -> dict[str, list[Row]]:
        """Return all rows by table name, parents before children."""
        return {name: getattr(self, name) for name in TABLES}


def identifier(*parts: object) -> str:
    """Return the uuid text that belongs to a name, the same for ever."""
    return str(uuid5(_NAMESPACE, ":".join(str(part) for part in parts)))


def local(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """Return a Toronto wall-clock time as an aware UTC time."""
    return datetime(year, month, day, hour, tzinfo=ZONE).astimezone(UTC)


def cents(amount: Decimal) -> Decimal:
    """Round to cents, half away from zero."""
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)
