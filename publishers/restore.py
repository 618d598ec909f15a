"""An older ledger: what Odoo holds of ours that `ops` does not know, and how it is adopted.

In: external ids of every customer document in Odoo, and the ledger. Out: the documents that the
ledger has lost, since `ops` came back from a backup; with `go`, their rows in the ledger again, so
that nothing is billed twice. What cannot be told for certain is left to a person.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2.extensions import connection as Connection

from connections.odoo import OdooPort
from publishers import ledger, lost_credits
from publishers.claims import FREEZE_LINES
from publishers.ledger import Run
from publishers.lost_lines import Adopted, LostDocument, Parsed, parse_key, recover
from publishers.payloads import (
    EXTERNAL_ID_MODULE,
    HEADER_FIELDS,
    LINE_FIELDS,
    LOAD_CONTEXT,
    payload_hash,
)
from publishers.readback import read_moves

OURS = f"{EXTERNAL_ID_MODULE}."
CUSTOMER_DOCUMENTS = ("out_invoice", "out_refund")
# Odoo tells 5,000 external ids in 0.04 s.
PAGE = 5000
SHOWN = 5
MORE_FIELDS = ("invoice_origin", "journal_id", "create_uid")


@dataclass(frozen=True)
class Unknown:
    """A document of ours in Odoo that the ledger does not know."""

    odoo_id: int
    document_key: str


@dataclass(frozen=True)
class Restored:
    """An unknown document with what is known of it; `problem`: why it is not adopted."""

    odoo_id: int
    document_key: str
    state: str
    total: Decimal
    line_keys: tuple[str, ...] = ()
    problem: str | None = None
    lines: Sequence[Adopted] = field(default=(), repr=False)

    def as_json(self) -> dict[str, Any]:
        """For people and machines; the total as Odoo has it."""
        return {
            "odoo_id": self.odoo_id,
            "document_key": self.document_key,
            "state": self.state,
            "total": format(self.total, "f"),
            "lines": len(self.line_keys),
            "problem": self.problem,
        }


def unknown(conn: Connection, port: OdooPort) -> list[Unknown]:
    """Documents that carry an external id of ours and are not in the ledger, oldest first.

    `port` must see posted documents. Odoo is asked first: what it holds was in the ledger before.
    """
    known = _column(conn, "odoo_id")
    ids = port.search("account.move", [("move_type", "in", CUSTOMER_DOCUMENTS)], order="id")
    names = _external_ids(port, [odoo_id for odoo_id in ids if odoo_id not in known])
    in_ledger = _column(conn, "external_id")
    return [
        Unknown(odoo_id, name.removeprefix(OURS))
        for odoo_id, name in names.items()
        if name.startswith(OURS) and name not in in_ledger
    ]


def _column(conn: Connection, name: str) -> Collection[Any]:
    with conn, conn.cursor() as cursor:
        cursor.execute(f"select {name} from ops.publications where {name} is not null")
        return {row[0] for row in cursor.fetchall()}


def _external_ids(port: OdooPort, ids: Sequence[int]) -> dict[int, str]:
    """The external id of each move; ir.model.data is for administrators only, this is not."""
    found: dict[int, str] = {}
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        names = port.execute("account.move", "get_external_id", list(page))
        found |= {odoo_id: names.get(str(odoo_id)) or "" for odoo_id in page}
    return found


def reason(documents: Sequence[Unknown]) -> str | None:
    """Why nothing may be claimed, naming the documents; None where the ledger knows them all."""
    if not documents:
        return None
    shown = ", ".join(each.document_key for each in documents[:SHOWN])
    more = f" and {len(documents) - SHOWN} more" if len(documents) > SHOWN else ""
    return (
        f"Odoo holds {len(documents)} document(s) that the ledger does not know ({shown}{more}):"
        " the ledger is older than Odoo, or another warehouse publishes there; see"
        " `billing restore-ledger`"
    )


def restore(
    conn: Connection, port: OdooPort, schema: str, run: Run, *, go: bool = False
) -> list[Restored]:
    """What Odoo holds and the ledger does not; with `go` it is adopted as far as it is certain."""
    lost = unknown(conn, port)
    ids = [each.odoo_id for each in lost]
    moves = read_moves(port, ids)
    more = {row["id"]: row for row in port.read("account.move", ids, list(MORE_FIELDS))}
    result = []
    for each in lost:
        move = moves[each.odoo_id]
        document = LostDocument(each.document_key, move, more[each.odoo_id]["invoice_origin"] or "")
        result.append(_restored(conn, schema, document))
        if go and result[-1].problem is None:
            _adopt(conn, document, result[-1].lines, more[each.odoo_id], run)
    return result


def _restored(conn: Connection, schema: str, document: LostDocument) -> Restored:
    move = document.move.values
    total = Decimal(str(move["amount_total"]))
    lines, problem = recover(conn, schema, document)
    return Restored(
        odoo_id=move["id"],
        document_key=document.key,
        state=move["state"],
        total=total,
        line_keys=tuple(line.content["line_key"] for line in lines),
        problem=problem,
        lines=lines,
    )


def _adopt(
    conn: Connection,
    document: LostDocument,
    lines: Sequence[Adopted],
    more: dict[str, Any],
    run: Run,
) -> None:
    """The document as a confirmed one: what Odoo holds counts as what was frozen."""
    key = document.key
    with conn, conn.cursor() as cursor:
        ledger.lock_claims(cursor)
        ledger.insert(cursor, "ops.publications", [_row(cursor, document, lines, more, run)])
        rows = [
            {
                "document_key": key,
                "line_key": line.content["line_key"],
                "content_hash": line.content["content_hash"],
                "line_number": number,
                "content": line.content,
            }
            for number, line in enumerate(lines, start=1)
        ]
        cursor.execute(FREEZE_LINES, (ledger.as_json(rows),))
        for line in lines:
            cursor.execute(
                "update ops.publication_lines set odoo_line_id = %s"
                " where document_key = %s and line_key = %s",
                (line.odoo_line_id, key, line.content["line_key"]),
            )
        lost_credits.keep_requests(cursor, [line.content for line in lines], run.by)
        ledger.observe(cursor, {key: document.move.observed})
        ledger.record(cursor, "adopted", {key: dict(document.move.observed)}, run)


def _row(
    cursor: Any, document: LostDocument, lines: Sequence[Adopted], more: dict[str, Any], run: Run
) -> dict[str, Any]:
    move, parsed = document.move.values, parse_key(document.key)
    content = _payload(document, more)
    start, end = _billing_period(parsed, lines)
    reversed_id = move["reversed_entry_id"][0] if move["reversed_entry_id"] else None
    cursor.execute("select document_key from ops.publications where odoo_id = %s", (reversed_id,))
    return {
        "document_key": document.key,
        "external_id": f"{OURS}{document.key}",
        "service": parsed.service,
        "partner_id": move["partner_id"][0],
        "billing_period_start": start,
        "billing_period_end": end,
        "currency": parsed.currency,
        "move_type": move["move_type"],
        "document_number": parsed.number,
        "state": "confirmed",
        "payload": content,
        "payload_hash": payload_hash(content),
        "expected_untaxed_amount": Decimal(str(move["amount_untaxed"])),
        "expected_tax_amount": Decimal(str(move["amount_tax"])),
        "expected_total_amount": Decimal(str(move["amount_total"])),
        "rounding_method": "as adopted",
        "invoice_date": move["invoice_date"],
        "invoice_date_due": move["invoice_date_due"],
        "reversed_entry_id": reversed_id,
        "reversed_document_key": ledger.one(cursor),
        "run_id": run.run_id,
        "claimed_by": run.by,
        "claimed_at": datetime.now().astimezone(),
        "sent_uid": more["create_uid"][0],
        "attempts": 0,
        "note": "adopted from Odoo: the ledger was older",
    }


def _payload(document: LostDocument, more: dict[str, Any]) -> dict[str, Any]:
    """What load() was called with, as far as Odoo tells; it is compared and never sent."""
    move = document.move.values
    header = [
        f"{OURS}{document.key}",
        move["move_type"],
        str(move["partner_id"][0]),
        document.key,
        document.origin,
        move["invoice_date"] or "",
        move["invoice_date_due"] or "",
        "",
        str(move["currency_id"][0]),
        str(more["journal_id"][0]),
    ]
    fields = list(HEADER_FIELDS)
    if move["reversed_entry_id"]:
        fields.append("reversed_entry_id/.id")
        header.append(str(move["reversed_entry_id"][0]))
    rows = [
        [*(header if number == 0 else [""] * len(header)), *_cells(line)]
        for number, line in enumerate(document.move.lines)
    ]
    return {"fields": [*fields, *LINE_FIELDS], "rows": rows, "context": LOAD_CONTEXT}


def _cells(line: Any) -> list[str]:
    product = line["product_id"]
    return [
        line["name"] or "",
        str(line["quantity"]),
        str(line["price_unit"]),
        ",".join(str(tax_id) for tax_id in line["tax_ids"]),
        str(product[0]) if product else "",
    ]


def _billing_period(parsed: Parsed, lines: Sequence[Adopted]) -> tuple[datetime, datetime]:
    """The period in the document's key, from local midnight to local midnight."""
    zone = ZoneInfo((lines[0].content.get("policies") or {}).get("timezone") or "America/Toronto")
    return tuple(datetime.combine(day, time(), zone) for day in parsed.days)  # type: ignore[return-value]
