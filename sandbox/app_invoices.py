"""How the sample NexaCloud writes an invoice: items, taxes by province, numbers, totals.

Flows in: a sample and the items of one invoice. Flows out: rows of `invoices` and `invoice_items`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from sandbox.rows import CURRENCY, Row, Sample, cents, identifier

# Tax names and rates in percent that a supplier in Canada charges, by the customer's province.
PROVINCE_TAXES: dict[str, tuple[tuple[str, Decimal], ...]] = {
    "ON": (("HST 13%", Decimal("13")),),
    "QC": (("GST 5%", Decimal("5")), ("QST 9.975%", Decimal("9.975"))),
    "AB": (("GST 5%", Decimal("5")),),
    "BC": (("GST 5%", Decimal("5")), ("PST 7%", Decimal("7"))),
}


def item(kind: str, description: str, terms: tuple[Decimal, Decimal], amount: Decimal) -> Row:
    """Return an invoice item without its invoice; `terms` are quantity and unit price."""
    quantity, unit_price = terms
    return {
        "kind": kind,
        "description": description,
        "quantity": quantity.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP),
        "unit_price": unit_price,
        "amount": amount,
    }


@dataclass(frozen=True)
class Heading:
    """What an invoice says above its items."""

    number: str
    user: Row
    subscription_id: str | None
    period: tuple[datetime, datetime]
    issued_at: datetime
    status: str = "paid"


def add_invoice(sample: Sample, heading: Heading, items: list[Row], taxes: list[Row]) -> None:
    """Add an invoice with its items and tax items; an item without a period has the invoice's."""
    start, end = heading.period
    period = {"period_start": start, "period_end": end}
    written = {"created_at": heading.issued_at}
    subtotal = sum((row["amount"] for row in items), Decimal(0))
    tax = sum((row["amount"] for row in taxes), Decimal(0))
    stripe = identifier("stripe", heading.number).replace("-", "")[:24]
    invoice = {
        "id": identifier("invoice", heading.number),
        "number": heading.number,
        "user_id": heading.user["id"],
        "subscription_id": heading.subscription_id,
        **period,
        "status": heading.status,
        "currency": CURRENCY,
        "subtotal": subtotal,
        "tax": tax,
        "total": subtotal + tax,
        "stripe_invoice_id": f"in_{stripe}",
        "issued_at": heading.issued_at,
        **written,
        "updated_at": heading.issued_at,
    }
    sample.invoices.append(invoice)
    for ordinal, row in enumerate([*items, *taxes], start=1):
        keys = {"id": identifier("item", heading.number, ordinal), "invoice_id": invoice["id"]}
        sample.invoice_items.append(keys | period | row | written)


def tax_items(province: str, subtotal: Decimal) -> list[Row]:
    """Return one `tax` item for each tax of the province, rounded on the invoice's subtotal."""
    return [
        item("tax", name, (Decimal(1), cents(subtotal * rate / 100)), cents(subtotal * rate / 100))
        for name, rate in PROVINCE_TAXES[province]
    ]
