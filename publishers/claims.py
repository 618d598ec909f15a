"""The claim: in one transaction lines are judged again, grouped, numbered and frozen.

In: lines that were selected earlier. Out: their documents in state `claimed`, and what is held.
Claims run one at a time. A line that left the view since, changed its hash, lost an approval or is
in another document already is not claimed; one whose time or money is billed already is held.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extensions import connection as Connection

from publishers import billed, credits, documents, ledger, payloads
from publishers.documents import Document, Held, Original, Terms
from publishers.facts import OdooFacts
from publishers.ledger import Run
from publishers.lines import Filters, Line, recheck

# The columns of a frozen line are what its content says: one truth, and half as much to send.
FREEZE_LINES = """
insert into ops.publication_lines (
    document_key, line_key, content_hash, line_number, content, service, subscription_id,
    external_subscription_id, kind, charge, metric, plan_code, segment_start, service_period_start,
    service_period_end, corrects_period_start, adjustment_number, description, quantity, unit_price,
    amount, currency, partner_id, tax_ids
)
select
    given.document_key, given.line_key, given.content_hash, given.line_number, given.content,
    line.service, line.subscription_id, line.external_subscription_id, line.kind,
    coalesce(line.charge, ''), line.metric, line.plan_code, line.segment_start,
    line.service_period_start, line.service_period_end, line.corrects_period_start,
    line.adjustment_number, line.description, line.quantity, line.unit_price, line.amount,
    line.currency, line.partner_id, coalesce(line.tax_ids, '{}')
from json_to_recordset(%s) as given (
    document_key text, line_key text, content_hash text, line_number int, content jsonb
)
cross join lateral jsonb_populate_record(null::ops.publication_lines, given.content) as line
"""


def claim(
    conn: Connection, schema: str, lines: Sequence[Line], facts: OdooFacts, terms: Terms, run: Run
) -> tuple[list[str], list[Held]]:
    """Freeze what may still be published of `lines`; the keys of the documents, and the held."""
    with conn, conn.cursor() as cursor:
        ledger.lock_claims(cursor)
        still = _unclaimed(cursor, _approved(cursor, _still_allowed(conn, schema, lines)))
        built, held = judge(cursor, still, facts, terms)
        keys = next_keys(cursor, built)
        if built:
            _freeze(cursor, dict(zip(keys, built, strict=True)), facts, run)
    return keys, held


def judge(
    cursor: Any, lines: Sequence[Line], facts: OdooFacts, terms: Terms
) -> tuple[list[Document], list[Held]]:
    """The documents that these lines make, without what the ledger has billed already."""
    reasons = billed.refusals(cursor, lines)
    built, held = documents.build(
        [line for line in lines if line.line_key not in reasons], facts, terms
    )
    refused = documents.group_lines(line for line in lines if line.line_key in reasons)
    held += [
        Held(group, tuple(members), "; ".join(reasons[line.line_key] for line in members))
        for group, members in refused
    ]
    return built, held


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


def _freeze(cursor: Any, built: Mapping[str, Document], facts: OdooFacts, run: Run) -> None:
    rows = [_document_row(key, document, facts, run) for key, document in built.items()]
    ledger.insert(cursor, "ops.publications", rows)
    lines = [row for key, document in built.items() for row in _line_rows(document, key)]
    if lines:
        cursor.execute(FREEZE_LINES, (ledger.as_json(lines),))
    hashes = {row["document_key"]: {"payload_hash": row["payload_hash"]} for row in rows}
    ledger.record(cursor, "claimed", hashes, run)


def _document_row(key: str, document: Document, facts: OdooFacts, run: Run) -> dict[str, Any]:
    content = payloads.payload(document, key, facts)
    group, original = document.group, document.original
    return {
        "document_key": key,
        "external_id": f"{payloads.EXTERNAL_ID_MODULE}.{key}",
        "service": group.service,
        "partner_id": group.partner_id,
        "billing_period_start": group.billing_period_start,
        "billing_period_end": group.billing_period_end,
        "currency": group.currency,
        "move_type": document.move_type,
        "document_number": int(key.rsplit("-", 1)[1]),
        "state": "claimed",
        "payload": content,
        "payload_hash": payloads.payload_hash(content),
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


def next_keys(cursor: Any, built: Sequence[Document]) -> list[str]:
    """The keys that these documents get, in their order; nothing is written."""
    numbers = _last_numbers(cursor, built)
    keys = []
    for document in built:
        numbers[document.series] = numbers.get(document.series, 0) + 1
        keys.append(document.key(numbers[document.series]))
    return keys


def _last_numbers(cursor: Any, built: Sequence[Document]) -> dict[str, int]:
    cursor.execute(
        "select regexp_replace(document_key, '-[0-9]+$', '') as series, max(document_number)"
        " from ops.publications where service = any(%s) and partner_id = any(%s) group by 1",
        (
            sorted({document.group.service for document in built}),
            sorted({document.group.partner_id for document in built}),
        ),
    )
    return dict(cursor.fetchall())


def _line_rows(document: Document, key: str) -> list[dict[str, Any]]:
    return [
        {
            "document_key": key,
            "line_key": sent.line.line_key,
            "content_hash": sent.line.content_hash,
            "line_number": number,
            "content": sent.line.content,
        }
        for number, sent in enumerate(document.lines, start=1)
    ]


def find_original(conn: Connection, lines: Sequence[Line]) -> Original | None:
    """The one confirmed invoice that holds all that these lines correct, else None.

    Never another customer's: Odoo would settle it with this credit note all the same.
    """
    with conn.cursor() as cursor:
        if lines[0].credits_document_key:
            return _original_by_key(cursor, lines[0].credits_document_key)
        cursor.execute(
            "select distinct p.document_key, p.odoo_id, p.odoo_state"
            " from ops.publications as p join ops.publication_lines as l using (document_key)"
            " where p.state = 'confirmed' and p.move_type = 'out_invoice'"
            " and l.released_at is null and l.corrects_period_start is null"
            " and p.partner_id = %s and p.currency = %s"
            " and (l.subscription_id, l.service_period_start) in %s",
            (lines[0].partner_id, lines[0].currency, _corrected(lines)),
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
