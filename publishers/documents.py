"""Lines become documents: which draft invoice or credit note holds them, and what is sent.

In: approved lines and what preflight learned of Odoo. Out: Document values with payload and
expected totals, or Held values with the reason why nothing is sent. Pure: no database, no network.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from publishers.lines import Line
from publishers.preflight import OdooFacts
from publishers.taxes import TaxableLine, Totals, document_totals, round_half_up

EXTERNAL_ID_MODULE = "dwh_pub"
ONE = Decimal(1)
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


class Group(NamedTuple):
    """What lines must share to stand in one document."""

    service: str
    partner_id: int
    billing_period_start: datetime
    billing_period_end: datetime
    currency: str
    credits_document_key: str | None


class Original(NamedTuple):
    """The document that a credit note corrects."""

    document_key: str
    odoo_id: int | None
    odoo_state: str | None


@dataclass(frozen=True)
class SentLine:
    """A line as Odoo is to hold it; `quantity * price_unit` is the approved amount, exactly."""

    line: Line
    name: str
    quantity: Decimal
    price_unit: Decimal


@dataclass(frozen=True)
class Document:
    """One draft to be; totals are as on the document, so those of a credit note are positive."""

    group: Group
    move_type: str
    lines: tuple[SentLine, ...]
    totals: Totals
    rounding_method: str
    invoice_date: date
    invoice_date_due: date
    original: Original | None = None

    @property
    def series(self) -> str:
        """The document key without its number."""
        group = self.group
        kind = "refund" if self.move_type == "out_refund" else "invoice"
        start, end = (_stamp(t) for t in (group.billing_period_start, group.billing_period_end))
        return f"{group.service}-{group.partner_id}-{start}-{end}-{group.currency}-{kind}"

    def key(self, number: int) -> str:
        """The document key, also its reference in Odoo; the external id adds the module."""
        return f"{self.series}-{number}"


@dataclass(frozen=True)
class Held:
    """Lines of one document that are not sent, and why, in words that name the mend."""

    group: Group
    lines: tuple[Line, ...]
    reason: str


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y%m%d%H")


def build(
    lines: Iterable[Line],
    facts: OdooFacts,
    *,
    today: date,
    payment_days: int,
    find_original: Callable[[Sequence[Line]], Original | None],
) -> tuple[list[Document], list[Held]]:
    """Group lines into documents in a stable order; what cannot be sent comes back as Held."""
    documents: list[Document] = []
    held: list[Held] = []
    for group, members in _grouped(lines):
        problem = facts.problem_with(members, today) or _sign_problem(members, facts)
        original = None if problem else _original_of(members, find_original, facts)
        problem = problem or _original_problem(original)
        if problem:
            held.append(Held(group, tuple(members), problem))
            continue
        move_type = _move_type(members, facts)
        documents.append(
            Document(
                group=group,
                move_type=move_type,
                lines=tuple(sent_line(line, move_type, facts) for line in members),
                totals=_totals(members, move_type, facts),
                rounding_method=facts.rounding_method,
                invoice_date=today,
                invoice_date_due=today + timedelta(days=payment_days),
                original=original,
            )
        )
    return documents, held


def _grouped(lines: Iterable[Line]) -> list[tuple[Group, list[Line]]]:
    groups: dict[Group, list[Line]] = defaultdict(list)
    for line in lines:
        groups[
            Group(
                line.service,
                line.partner_id,
                line.billing_period_start,
                line.billing_period_end,
                line.currency,
                line.credits_document_key,
            )
        ].append(line)
    ordered = sorted(groups, key=lambda group: (*group[:5], group.credits_document_key or ""))
    return [(group, sorted(groups[group], key=lambda line: line.order)) for group in ordered]


def sent_line(line: Line, move_type: str, facts: OdooFacts) -> SentLine:
    """How the line is written: its own quantity and price where Odoo keeps both exactly.

    Otherwise once its rounded amount, with the arithmetic in words: Odoo would round a price of
    0.000123 to 0.00 without a word. A credit note carries the amounts with the sign turned.
    """
    sign = -ONE if move_type == "out_refund" else ONE
    digits = facts.digits
    fits = (
        round_half_up(line.quantity, digits.quantity) == line.quantity
        and round_half_up(line.unit_price, digits.price) == line.unit_price
        and line.quantity * line.unit_price == line.amount
    )
    if fits:
        return SentLine(line, line.description, line.quantity, sign * line.unit_price)
    return SentLine(line, _with_arithmetic(line), ONE, sign * line.amount)


def _with_arithmetic(line: Line) -> str:
    price, quantity = _short(line.unit_price), _short(line.quantity)
    if price in line.description or line.quantity == ONE:
        return line.description
    unit = f" {line.metric}" if line.metric else ""
    return f"{line.description} ({quantity}{unit} × {price} {line.currency})"


def _short(value: Decimal) -> str:
    """A number without trailing zeros and without an exponent."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _taxable(line: Line) -> TaxableLine:
    return TaxableLine(ONE, line.amount, line.tax_ids)


def _signed_totals(lines: Sequence[Line], facts: OdooFacts) -> Totals:
    currency = facts.currencies[lines[0].currency]
    return document_totals(
        [_taxable(line) for line in lines], facts.taxes, facts.rounding_method, currency.decimals
    )


def _totals(lines: Sequence[Line], move_type: str, facts: OdooFacts) -> Totals:
    totals = _signed_totals(lines, facts)
    return -totals if move_type == "out_refund" else totals


def _move_type(lines: Sequence[Line], facts: OdooFacts) -> str:
    return "out_refund" if _signed_totals(lines, facts).total < 0 else "out_invoice"


def _sign_problem(lines: Sequence[Line], facts: OdooFacts) -> str | None:
    """Odoo posts no document whose total is negative, and no refund of a positive net amount."""
    totals = _signed_totals(lines, facts)
    if totals.untaxed * totals.total < 0:
        return (
            f"net {totals.untaxed} and total {totals.total} differ in sign, which Odoo cannot post:"
            " wait for more lines or credit by hand"
        )
    return None


def _original_of(
    lines: Sequence[Line],
    find_original: Callable[[Sequence[Line]], Original | None],
    facts: OdooFacts,
) -> Original | None:
    return find_original(lines) if _move_type(lines, facts) == "out_refund" else None


def _original_problem(original: Original | None) -> str | None:
    """A credit note that is linked to a draft is never set off against it, so it waits."""
    if original is None or original.odoo_state == "posted":
        return None
    return (
        f"corrects {original.document_key}, which is {original.odoo_state or 'unknown'} in Odoo:"
        " post it (or release it, if it was cancelled) before its credit note is published"
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
    return [sent.name, _short(sent.quantity), format(sent.price_unit, "f"), tax_ids, product]


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
