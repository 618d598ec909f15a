"""Lines become documents: which draft invoice or credit note holds them, and with which totals.

In: approved lines and what preflight learned of Odoo. Out: Document values with expected totals, or
Held values with the reason why nothing is sent. Pure: no database, no network.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from publishers.facts import OdooFacts
from publishers.lines import Line
from publishers.taxes import TaxableLine, Totals, document_totals, round_half_up

ONE = Decimal(1)


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

    @cached_property
    def series(self) -> str:
        """The document key without its number."""
        group = self.group
        kind = "refund" if self.move_type == "out_refund" else "invoice"
        period = _period_name(group.billing_period_start, group.billing_period_end)
        return f"{group.service}-{group.partner_id}-{period}-{group.currency}-{kind}"

    def key(self, number: int) -> str:
        """The document key, also its reference in Odoo; the external id adds the module."""
        return f"{self.series}-{number}"


@dataclass(frozen=True)
class Held:
    """Lines of one document that are not sent, and why, in words that say how to fix it."""

    group: Group
    lines: tuple[Line, ...]
    reason: str


def _period_name(start: datetime, end: datetime) -> str:
    """2026-05 for a calendar month, else both days: 20260515-20260615."""
    first, last = _local_day(start), _local_day(end)
    if first.day == last.day == 1 and last == (first + timedelta(days=31)).replace(day=1):
        return f"{first:%Y-%m}"
    return f"{first:%Y%m%d}-{last:%Y%m%d}"


def _local_day(midnight: datetime) -> date:
    """The day that begins at a local midnight, whatever the zone: the nearest midnight of UTC."""
    return (midnight.astimezone(UTC) + timedelta(hours=12)).date()


@dataclass(frozen=True)
class Terms:
    """The dates of a run's documents, and where to look for what a credit note corrects."""

    invoice_date: date
    payment_days: int
    find_original: Callable[[Sequence[Line]], Original | None]


def build(
    lines: Iterable[Line], facts: OdooFacts, terms: Terms
) -> tuple[list[Document], list[Held]]:
    """Group lines into documents in a stable order; what cannot be sent comes back as Held."""
    documents: list[Document] = []
    held: list[Held] = []
    for group, members in group_lines(lines):
        result = _build_one(group, members, facts, terms)
        if isinstance(result, Document):
            documents.append(result)
        else:
            held.append(result)
    return documents, held


def group_lines(lines: Iterable[Line]) -> list[tuple[Group, list[Line]]]:
    """Lines by the document that they belong in, both in a stable order."""
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


def _build_one(
    group: Group, members: Sequence[Line], facts: OdooFacts, terms: Terms
) -> Document | Held:
    problem = facts.problem_with(members, terms.invoice_date)
    if problem:
        return Held(group, tuple(members), problem)
    totals = _signed_totals(members, facts)
    is_refund = totals.total < 0
    original = terms.find_original(members) if is_refund else None
    problem = _sign_problem(totals) or _original_problem(original)
    if problem:
        return Held(group, tuple(members), problem)
    return Document(
        group=group,
        move_type="out_refund" if is_refund else "out_invoice",
        lines=tuple(sent_line(line, is_refund, facts) for line in members),
        totals=-totals if is_refund else totals,
        rounding_method=facts.rounding_method,
        invoice_date=terms.invoice_date,
        invoice_date_due=terms.invoice_date + timedelta(days=terms.payment_days),
        original=original,
    )


def sent_line(line: Line, is_refund: bool, facts: OdooFacts) -> SentLine:
    """How the line is written: its own quantity and price where Odoo keeps both exactly.

    Otherwise once its rounded amount, with the arithmetic in words: Odoo would round a price of
    0.000123 to 0.00 without a word. A credit note carries the amounts with the sign turned.
    """
    sign = -ONE if is_refund else ONE
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
    price, quantity = short(line.unit_price), short(line.quantity)
    if price in line.description or line.quantity == ONE:
        return line.description
    unit = f" {line.metric}" if line.metric else ""
    return f"{line.description} ({quantity}{unit} × {price} {line.currency})"


def short(value: Decimal) -> str:
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


def _sign_problem(totals: Totals) -> str | None:
    """Odoo posts no document whose total is negative, and no refund of a positive net amount."""
    if totals.untaxed * totals.total < 0:
        return (
            f"net {totals.untaxed} and total {totals.total} differ in sign, which Odoo cannot post:"
            " wait for more lines or credit by hand"
        )
    return None


def _original_problem(original: Original | None) -> str | None:
    """A credit note that is linked to a draft is never set off against it, so it waits."""
    if original is None or original.odoo_state == "posted":
        return None
    return (
        f"corrects {original.document_key}, which is {original.odoo_state or 'unknown'} in Odoo:"
        " post it (or release it, if it was cancelled) before its credit note is published"
    )
