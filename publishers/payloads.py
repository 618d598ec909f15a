"""What is sent for a document: the columns and rows of one load() call, all of them text.

In: a document, its key, and what preflight learned. Out: the payload that the ledger freezes. Never
name, state or auto_post. Pure.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from publishers.documents import Document, SentLine, short
from publishers.facts import OdooFacts

EXTERNAL_ID_MODULE = "dwh_pub"
# Create-only: a repeat returns the same id and changes nothing, whatever a person did to the draft.
LOAD_CONTEXT = {"mode": "update", "noupdate": True, "tracking_disable": True}
HEADER_FIELDS = (
    "id",
    "move_type",
    "partner_id/.id",
    "ref",
    "invoice_origin",
    "invoice_date",
    "invoice_date_due",
    "invoice_payment_term_id/.id",
    "currency_id/.id",
    "journal_id/.id",
)
LINE_FIELDS = (
    "invoice_line_ids/name",
    "invoice_line_ids/quantity",
    "invoice_line_ids/price_unit",
    "invoice_line_ids/tax_ids/.id",
    "invoice_line_ids/product_id/.id",
)


def payload(document: Document, key: str, facts: OdooFacts) -> dict[str, Any]:
    """Fields, rows and context of the load() call for one document; all values are strings."""
    fields, header = list(HEADER_FIELDS), _header(document, key, facts)
    if document.original:
        fields.append("reversed_entry_id/.id")
        header.append(str(document.original.odoo_id))
    rows = []
    for position, sent in enumerate(document.lines):
        head = header if position == 0 else [""] * len(header)
        rows.append([*head, *_line_cells(sent)])
    return {"fields": fields + list(LINE_FIELDS), "rows": rows, "context": LOAD_CONTEXT}


def _header(document: Document, key: str, facts: OdooFacts) -> list[str]:
    group = document.group
    return [
        f"{EXTERNAL_ID_MODULE}.{key}",
        document.move_type,
        str(group.partner_id),
        key,
        " ".join(sent.line.line_key[:12] for sent in document.lines),
        document.invoice_date.isoformat(),
        document.invoice_date_due.isoformat(),
        # Sent empty: a partner's payment term would overwrite the due date at posting.
        "",
        str(facts.currencies[group.currency].currency_id),
        str(facts.journal_id),
    ]


def _line_cells(sent: SentLine) -> list[str]:
    tax_ids = ",".join(str(tax_id) for tax_id in sent.line.tax_ids)
    product = str(sent.line.product_id or "")
    return [sent.name, short(sent.quantity), format(sent.price_unit, "f"), tax_ids, product]


def payload_hash(content: dict[str, Any]) -> str:
    """sha256 of the payload in one canonical spelling."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def batches(
    documents: Sequence[Any], fields_of: Callable[[Any], Any], size: int
) -> list[list[Any]]:
    """Documents with the same columns, at most `size` to a call, in their order."""
    result: list[list[Any]] = []
    for _, members in groupby(sorted(documents, key=fields_of), key=fields_of):
        same = list(members)
        result.extend(same[start : start + size] for start in range(0, len(same), size))
    return result
