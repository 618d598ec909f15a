"""Which lines stand in a document that the ledger has lost.

In: the document as Odoo holds it; the lines that the warehouse proposes today. Out: the ledger's
lines, or why they cannot be told. A line key is a hash of what it is for, and Odoo keeps the
beginnings of the document's keys in its origin: today's line that begins so is the one, and where
the rating has changed since, so is the charge and period whose key begins so.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from publishers import credits, lost_credits
from publishers.lines import Filters, dicts, plain
from publishers.readback import Move
from publishers.taxes import round_half_up

_KEY = re.compile(
    r"(?P<service>.+)-(?P<partner>\d+)-(?P<period>\d{4}-\d{2}|\d{8}-\d{8})"
    r"-(?P<currency>[A-Z]{3})-(?:invoice|refund)-(?P<number>\d+)"
)
# So many adjustments of one charge and period are tried by their keys.
ADJUSTMENTS = 30
KINDS = ("base", "usage", "minimum", "one_off")


@dataclass(frozen=True)
class Parsed:
    """What a document key says."""

    service: str
    currency: str
    number: int
    days: tuple[date, date]


@dataclass(frozen=True)
class LostDocument:
    """A document of ours as Odoo holds it."""

    key: str
    move: Move
    origin: str


@dataclass(frozen=True)
class Adopted:
    """A line to be frozen again, and Odoo's own line of it."""

    content: dict[str, Any]
    odoo_line_id: int


def parse_key(key: str) -> Parsed:
    """Raises ValueError where the key is none that this publisher makes."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise ValueError(f"{key} is not the key of a document")
    period = match["period"]
    if len(period) == 7:
        first = date.fromisoformat(f"{period}-01")
        last = (first + timedelta(days=31)).replace(day=1)
    else:
        first, last = (date.fromisoformat(day) for day in period.split("-"))
    return Parsed(match["service"], match["currency"], int(match["number"]), (first, last))


def recover(
    conn: Connection, schema: str, document: LostDocument
) -> tuple[list[Adopted], str | None]:
    """The lines of the document, or the reason why a person must see to it."""
    try:
        parsed = parse_key(document.key)
    except ValueError as error:
        return [], str(error)
    prefixes, lines = document.origin.split(), document.move.lines
    if not lines or len(prefixes) != len(lines):
        return [], (
            f"its origin names {len(prefixes)} line(s) and it has {len(lines)}: somebody changed"
            " it, so enter what was changed back in Odoo"
        )
    proposed = _proposed(conn, schema, parsed, document.move.values["partner_id"][0])
    known = {row["line_key"][:12]: row for row in proposed}
    missing = set(prefixes) - set(known)
    if missing:
        known |= _derived(proposed, missing)
        known |= lost_credits.derived(proposed, prefixes, document.move)
    unsure = [prefix for prefix in prefixes if prefix not in known]
    if unsure:
        return [], (
            f"line(s) {', '.join(unsure)} are of no charge and period that is rated today:"
            " restore what they were rated from, or cancel the document in Odoo and delete it"
        )
    is_refund = document.move.values["move_type"] == "out_refund"
    return [
        Adopted(_content(known[prefix], line, document, is_refund), int(line["id"]))
        for prefix, line in zip(prefixes, lines, strict=True)
    ], None


def _proposed(
    conn: Connection, schema: str, parsed: Parsed, partner_id: int
) -> list[dict[str, Any]]:
    """Every line of the customer and service that the warehouse knows today, credits included."""
    query = sql.SQL(
        "select * from {}.fct_invoice_lines where service = %s and currency = %s"
        " and subscription_id in (select subscription_id from {}.fct_invoice_lines"
        " where service = %s and partner_id = %s)"
    ).format(sql.Identifier(schema), sql.Identifier(schema))
    with conn, conn.cursor() as cursor:
        cursor.execute(query, (parsed.service, parsed.currency, parsed.service, partner_id))
        rows = list(dicts(cursor))
    return [*rows, *credits.rows(conn, Filters(service=parsed.service, partner_id=partner_id))]


def _derived(rows: Sequence[Mapping[str, Any]], wanted: set[str]) -> dict[str, dict[str, Any]]:
    """Charges and periods that are rated today, under keys that they may have had."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for candidate in _candidates(row):
            if candidate["line_key"][:12] in wanted:
                found[candidate["line_key"][:12]] = candidate
    return found


def _candidates(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    start: datetime = row["corrects_period_start"] or row["service_period_start"]
    same = {**row, "corrects_period_start": None, "adjustment_number": 0}
    for kind in KINDS:
        for segment in _segment_starts(row, start):
            parts = (kind, row["charge"], _iso(segment), "", "0")
            yield {**same, "line_key": _key(row, start, parts), "kind": kind,
                   "segment_start": segment}  # fmt: skip
    for number in range(1, ADJUSTMENTS + 1):
        parts = ("adjustment", row["charge"], row["currency"], _iso(start), str(number))
        yield {
            **row,
            "line_key": _key(row, start, parts),
            "kind": "adjustment",
            "segment_start": None,
            "segment_end": None,
            "corrects_period_start": start,
            "adjustment_number": number,
        }


def _segment_starts(row: Mapping[str, Any], start: datetime) -> Iterator[datetime]:
    """The period's start, and each local midnight within it: a plan may change on any day."""
    zone = ZoneInfo((row.get("policies") or {}).get("timezone") or "America/Toronto")
    yield start
    day = start.astimezone(zone).date() + timedelta(days=1)
    while (midnight := datetime(day.year, day.month, day.day, tzinfo=zone)) < row[
        "service_period_end"
    ]:
        yield midnight
        day += timedelta(days=1)


def _key(row: Mapping[str, Any], start: datetime, parts: Sequence[str | None]) -> str:
    """As the models hash it: see hash_key and int_rated_lines."""
    named = (row["service"], row["external_subscription_id"], _iso(start), *parts)
    text = "|".join(part or "" for part in named)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _content(
    row: Mapping[str, Any], line: Mapping[str, Any], document: LostDocument, is_refund: bool
) -> dict[str, Any]:
    """The line as today's row has it, with the amounts, words, taxes and partner of Odoo's."""
    sign = -1 if is_refund else 1
    price, quantity = Decimal(str(line["price_unit"])), Decimal(str(line["quantity"]))
    amount = sign * round_half_up(price * quantity, _decimals(document))
    is_same = amount == row["amount"] and sorted(line["tax_ids"]) == sorted(row["tax_ids"] or ())
    product = line["product_id"]
    own = {
        "amount": amount,
        "partner_id": document.move.values["partner_id"][0],
        "tax_ids": list(line["tax_ids"]),
        "product_id": product[0] if product else None,
    }
    if not is_same:
        own |= {
            "description": line["name"],
            "quantity": quantity,
            "unit_price": sign * price,
            "exact_amount": amount,
            "tax_components": None,
        }
    content = {name: plain(value) for name, value in {**row, **own}.items()}
    return content if is_same else {**content, "content_hash": _hash(content)}


def _decimals(document: LostDocument) -> int:
    exponent = Decimal(str(document.move.values["amount_untaxed"])).as_tuple().exponent
    return max(2, -exponent) if isinstance(exponent, int) else 2


def _hash(content: Mapping[str, Any]) -> str:
    names = ("line_key", "partner_id", "amount", "description", "tax_ids", "product_id")
    text = "|".join(str(content[name]) for name in names)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
