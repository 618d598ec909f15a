"""How the sample NexaCloud writes an invoice: items, taxes by province, numbers, totals.

Flows in: a sample and the items of one invoice. Flows out: rows of `invoices` and `invoice_items`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
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


def add_invoice(
    sample: Sample,
    user_id: str,
    subscription_id: str | None,
    period: tuple[datetime, datetime],
    items: list[Row],
) -> Row:
    """Add an invoice with its items and its taxes, numbered without a gap; return it.

    The app bills in arrears: six hours after the period's end.
    """
    number = f"NC-2026-{len(sample.invoices) + 1:04d}"
    user = next(user for user in sample.users if user["id"] == user_id)
    subtotal = sum((row["amount"] for row in items), Decimal(0))
    taxes = tax_items(user["province"], subtotal)
    tax = sum((row["amount"] for row in taxes), Decimal(0))
    issued = period[1] + timedelta(hours=6)
    invoice = {
        "id": identifier("invoice", number),
        "number": number,
        "user_id": user_id,
        "subscription_id": subscription_id,
        "period_start": period[0],
        "period_end": period[1],
        "status": "open" if number.endswith("6") else "paid",
        "currency": CURRENCY,
        "subtotal": subtotal,
        "tax": tax,
        "total": subtotal + tax,
        "stripe_invoice_id": f"in_{identifier('stripe', number).replace('-', '')[:24]}",
        "issued_at": issued,
        "created_at": issued,
        "updated_at": issued,
    }
    sample.invoices.append(invoice)
    for ordinal, row in enumerate([*items, *taxes], start=1):
        sample.invoice_items.append(
            {"id": identifier("item", number, ordinal), "invoice_id": invoice["id"]}
            | row
            | {"period_start": period[0], "period_end": period[1], "created_at": issued}
        )
    return invoice


def tax_items(province: str, subtotal: Decimal) -> list[Row]:
    """Return one `tax` item for each tax of the province, rounded on the invoice's subtotal."""
    return [
        item("tax", name, (Decimal(1), cents(subtotal * rate / 100)), cents(subtotal * rate / 100))
        for name, rate in PROVINCE_TAXES[province]
    ]
