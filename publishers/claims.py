"""The claim: in one transaction lines are judged again, grouped, numbered and frozen.

In: lines that were selected earlier. Out: their documents in state `claimed`, and what is held.
Claims run one at a time. A line that left the view since, changed its hash, lost an approval or is
in another document already is not claimed.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, execute_values

from publishers import credits, documents, ledger
from publishers.documents import EXTERNAL_ID_MODULE, Document, Held, Original
from publishers.ledger import Run, one
from publishers.lines import Filters, Line, recheck
from publishers.preflight import OdooFacts


def claim(
    conn: Connection,
    schema: str,
    lines: Sequence[Line],
    facts: OdooFacts,
    *,
    today: date,
    payment_days: int,
    run: Run,
) -> tuple[list[str], list[Held]]:
    """Freeze what may still be published of `lines`; the keys of the documents, and the held."""
    with conn, conn.cursor() as cursor:
        ledger.lock_claims(cursor)
        still = _unclaimed(cursor, _approved(cursor, _still_allowed(conn, schema, lines)))
        built, held = documents.build(
            still,
            facts,
            today=today,
            payment_days=payment_days,
            find_original=lambda members: find_original(cursor, members),
        )
        keys = [_freeze_one(cursor, document, facts, run) for document in built]
    return keys, held


def _still_allowed(conn: Connection, schema: str, lines: Sequence[Line]) -> list[Line]:
    asked = [line for line in lines if line.credits_document_key]
    keys = Filters(line_keys=tuple(line.line_key for line in asked))
    unchanged = {(line.line_key, line.content_hash) for line in asked}
    return [
        *recheck(conn, schema, [line for line in lines if not line.credits_document_key]),
        *(
            line
            for line in (credits.publishable(conn, keys) if asked else [])
            if (line.line_key, line.content_hash) in unchanged
        ),
    ]


def _approved(cursor: Any, lines: Sequence[Line]) -> list[Line]:
    """Lines that enough people approve at this hash; the view may not know of four eyes."""
    cursor.execute(
        "select line_key, content_hash from ops.line_approval_status"
        " where is_approved and line_key = any(%s)",
        ([line.line_key for line in lines],),
    )
    approved = set(cursor.fetchall())
    return [line for line in lines if (line.line_key, line.content_hash) in approved]


def _unclaimed(cursor: Any, lines: Sequence[Line]) -> list[Line]:
    cursor.execute(
        "select line_key from ops.publication_lines"
        " where released_at is null and line_key = any(%s)",
        ([line.line_key for line in lines],),
    )
    taken = {row[0] for row in cursor.fetchall()}
    return [line for line in lines if line.line_key not in taken]


def _freeze_one(cursor: Any, document: Document, facts: OdooFacts, run: Run) -> str:
    number = _next_number(cursor, document)
    key = document.key(number)
    content = documents.payload(document, key, facts)
    group, original = document.group, document.original
    values = {
        "document_key": key,
        "external_id": f"{EXTERNAL_ID_MODULE}.{key}",
        "service": group.service,
        "partner_id": group.partner_id,
        "billing_period_start": group.billing_period_start,
        "billing_period_end": group.billing_period_end,
        "currency": group.currency,
        "move_type": document.move_type,
        "document_number": number,
        "state": "claimed",
        "payload": Json(content),
        "payload_hash": documents.payload_hash(content),
        "expected_untaxed_amount": document.totals.untaxed,
        "expected_tax_amount": document.totals.tax,
        "expected_total_amount": document.totals.total,
        "rounding_method": document.rounding_method,
        "invoice_date": document.invoice_date,
        "invoice_date_due": document.invoice_date_due,
        "reversed_entry_id": original.odoo_id if original else None,
        "reversed_document_key": original.document_key if original else None,
        "run_id": run.run_id,
        "claimed_by": run.by,
    }
    _insert(cursor, "ops.publications", [values])
    _insert(cursor, "ops.publication_lines", _line_rows(document, key))
    ledger.record(cursor, key, "claimed", run, {"payload_hash": values["payload_hash"]})
    return key


def next_keys(cursor: Any, built: Sequence[Document]) -> list[str]:
    """The keys that these documents would get now; nothing is written."""
    keys: list[str] = []
    for document in built:
        before = sum(1 for key in keys if key.startswith(document.series + "-"))
        keys.append(document.key(_next_number(cursor, document) + before))
    return keys


def _next_number(cursor: Any, document: Document) -> int:
    cursor.execute(
        "select coalesce(max(document_number), 0) + 1 from ops.publications"
        " where service = %s and partner_id = %s and starts_with(document_key, %s)",
        (document.group.service, document.group.partner_id, document.series + "-"),
    )
    return int(one(cursor))


def _line_rows(document: Document, key: str) -> list[dict[str, Any]]:
    return [
        {
            "document_key": key,
            "line_key": sent.line.line_key,
            "content_hash": sent.line.content_hash,
            "line_number": number,
            **_frozen_columns(sent.line),
        }
        for number, sent in enumerate(document.lines, start=1)
    ]


def _frozen_columns(line: Line) -> dict[str, Any]:
    names = (
        "service subscription_id external_subscription_id kind charge metric plan_code"
        " segment_start service_period_start service_period_end corrects_period_start"
        " adjustment_number description quantity unit_price amount currency partner_id"
    )
    values = {name: getattr(line, name) for name in names.split()}
    return {**values, "tax_ids": list(line.tax_ids), "content": Json(dict(line.content))}


def find_original(cursor: Any, lines: Sequence[Line]) -> Original | None:
    """The one confirmed invoice that holds all that these lines correct, else None."""
    if lines[0].credits_document_key:
        return _original_by_key(cursor, lines[0].credits_document_key)
    cursor.execute(
        "select distinct p.document_key, p.odoo_id, p.odoo_state"
        " from ops.publications as p join ops.publication_lines as l using (document_key)"
        " where p.state = 'confirmed' and p.move_type = 'out_invoice' and l.released_at is null"
        " and (l.subscription_id, l.service_period_start) in %s"
        " and l.corrects_period_start is null",
        (_corrected(lines),),
    )
    found = cursor.fetchall()
    return Original(*found[0]) if len(found) == 1 else None


def _original_by_key(cursor: Any, document_key: str) -> Original:
    cursor.execute(
        "select document_key, odoo_id, odoo_state from ops.publications where document_key = %s",
        (document_key,),
    )
    return Original(*cursor.fetchone())


def _corrected(lines: Sequence[Line]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        {(ln.subscription_id, ln.corrects_period_start or ln.service_period_start) for ln in lines}
    )


def _insert(cursor: Any, table: str, rows: Sequence[dict[str, Any]]) -> None:
    columns = list(rows[0])
    execute_values(
        cursor,
        f"insert into {table} ({', '.join(columns)}) values %s",
        [tuple(row[column] for column in columns) for row in rows],
    )
