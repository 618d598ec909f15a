"""The lines that may be published, as the warehouse allows them at this moment.

In: the view `serving.invoice_lines_to_publish` (and credits that were asked for, see credits.py).
Out: frozen Line values. Nothing else in the marts is read to decide what is published.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from connections.builds import serving_of
from connections.months import first_day, in_month

# What the ledger's JSON takes as it is.
_SCALARS = frozenset({type(None), str, int, bool, Decimal, datetime, date})
# Who came with the view but is no part of what the line says.
DECISION_COLUMNS = frozenset({"approved_by", "approved_at"})

# Lines say by which zone their period was cut; older ones do not.
ZONE = "coalesce(policies ->> 'timezone', 'America/Toronto')"


@dataclass(frozen=True)
class Filters:
    """Which lines a person means; everything empty means all.

    `period` is a month, see connections.months: an adjustment or a credit belongs to the period
    that it corrects, whenever it is billed.
    """

    line_keys: tuple[str, ...] = ()
    period: str | None = None
    service: str | None = None
    external_subscription_id: str | None = None
    partner_id: int | None = None
    kind: str | None = None

    def condition(self) -> tuple[str, dict[str, Any]]:
        """A WHERE condition over columns of fct_invoice_lines, and its values."""
        parts = {
            "line_keys": "line_key = any(%(line_keys)s)",
            "period": in_month("service_period_start", ZONE),
            "service": "service = %(service)s",
            "external_subscription_id": "external_subscription_id = %(external_subscription_id)s",
            "partner_id": "partner_id = %(partner_id)s",
            "kind": "kind = %(kind)s",
        }
        values = {name: getattr(self, name) for name in parts if getattr(self, name)}
        if "line_keys" in values:
            values["line_keys"] = list(self.line_keys)
        condition = " and ".join(parts[name] for name in values) or "true"
        return condition, values | {"month": first_day(self.period)}


@dataclass(frozen=True)
class Line:
    """One approved invoice line; `amount` is signed, rounded, net of tax, in `currency`."""

    line_key: str
    content_hash: str
    service: str
    subscription_id: str
    external_subscription_id: str
    partner_id: int
    customer_name: str
    currency: str
    kind: str
    charge: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    tax_ids: tuple[int, ...]
    product_id: int | None
    service_period_start: datetime
    service_period_end: datetime
    billing_period_start: datetime
    billing_period_end: datetime
    metric: str | None = None
    plan_code: str | None = None
    segment_start: datetime | None = None
    corrects_period_start: datetime | None = None
    adjustment_number: int | None = None
    approved_by: str | None = None
    # Set on credits that a person asked for: the document that holds the line to be credited.
    credits_document_key: str | None = None
    # The row as it came, with every column of the view.
    row: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)

    @property
    def content(self) -> dict[str, Any]:
        """Every column of the line but who approved it, as the ledger writes JSON: no float."""
        return {
            name: value if type(value) in _SCALARS else plain(value)
            for name, value in self.row.items()
            if name not in DECISION_COLUMNS
        }

    @property
    def order(self) -> tuple[str, datetime, datetime, int, str, str, str]:
        """Where the line stands in its document: the same on every run."""
        return (
            self.external_subscription_id,
            self.service_period_start,
            self.segment_start or self.service_period_start,
            _kind_rank(self.kind),
            self.charge,
            self.metric or "",
            self.line_key,
        )


def _kind_rank(kind: str) -> int:
    order = ("base", "usage", "minimum", "adjustment", "credit")
    return order.index(kind) if kind in order else len(order)


_COPIED = tuple(set(Line.__dataclass_fields__) - {"row", "tax_ids"})


def from_row(row: Mapping[str, Any]) -> Line:
    """A Line from a row of the view."""
    values = {name: row[name] for name in _COPIED if name in row}
    return Line(
        **{**values, "charge": values.get("charge") or ""},
        tax_ids=tuple(row["tax_ids"] or ()),
        row=row,
    )


def select(conn: Connection, schema: str, filters: Filters) -> list[Line]:
    """Lines of invoice_lines_to_publish beside these marts that the filters mean, in document
    order.
    """
    condition, values = filters.condition()
    query = sql.SQL("select * from {}.invoice_lines_to_publish where " + condition).format(
        sql.Identifier(serving_of(schema))
    )
    with conn.cursor() as cursor:
        cursor.execute(query, values)
        return sorted((from_row(row) for row in dicts(cursor)), key=lambda line: line.order)


def dicts(cursor: Any) -> Iterator[dict[str, Any]]:
    """The rows of a cursor by column; psycopg2's own dict rows cost several times as much."""
    names = [column.name for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def recheck(conn: Connection, schema: str, lines: Iterable[Line]) -> list[Line]:
    """Those of `lines` that the view still allows, at the same hash; the claim holds its lock."""
    wanted = {line.line_key: line.content_hash for line in lines}
    if not wanted:
        return []
    still = select(conn, schema, Filters(line_keys=tuple(wanted)))
    return [line for line in still if wanted[line.line_key] == line.content_hash]


def plain(value: Any) -> Any:
    """JSON without floats: numbers as strings, times as ISO 8601."""
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"no column of the marts is a {type(value).__name__}")
