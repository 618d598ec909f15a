"""A draft as the customer would see it, before it exists.

In: lines of one document, tax facts of the marts. Out: HTML with the totals that the publisher
would freeze: its own functions compute them, under the company's rounding method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

from connections.currencies import decimals
from dashboards import formats as f
from dashboards import layout as ui
from dashboards import links
from dashboards.data import Row
from dashboards.layout import Column
from publishers.taxes import RoundingMethod, TaxableLine, TaxComponent, Totals, document_totals

# So many lines stand on the paper; the totals are of all.
SHOWN_LINES = 40
COLUMNS = (
    Column("description", "Description", "wide", link=links.line),
    Column("quantity", "Quantity", "quantity"),
    Column("unit_price", "Unit price", "price"),
    Column("taxes", "Taxes", "name"),
    Column("amount", "Amount", "money"),
)


@dataclass(frozen=True)
class TaxFacts:
    """What Odoo knows of the taxes on the page, and how its company rounds."""

    components: Mapping[int, tuple[TaxComponent, ...]]
    names: Mapping[int, str]
    method: RoundingMethod
    company: str


def tax_facts(taxes: Sequence[Row], company: Row | None) -> TaxFacts:
    """Facts out of rows of dim_taxes and dim_companies."""
    per_line = company is not None and company["tax_rounding_method"] == "round_per_line"
    names: dict[int, str] = {}
    components: dict[int, tuple[TaxComponent, ...]] = {}
    for tax in taxes:
        parts = tax["components"] or []
        names |= {int(part["tax_id"]): str(part["name"]) for part in parts}
        components[tax["tax_id"]] = tuple(
            TaxComponent(int(p["tax_id"]), Decimal(str(p["rate"])), bool(tax["is_price_included"]))
            for p in parts
        )
    method: RoundingMethod = "round_per_line" if per_line else "round_globally"
    return TaxFacts(components, names, method, company["company_name"] if company else "")


def totals(lines: Sequence[Row], facts: TaxFacts) -> Totals | None:
    """What the document would come to; None while a tax of it is unknown."""
    used = {tax_id for line in lines for tax_id in line["tax_ids"] or ()}
    if used - set(facts.components) or any(line["tax_ids"] is None for line in lines):
        return None
    return document_totals(
        [_taxable(line) for line in lines],
        facts.components,
        facts.method,
        decimals(lines[0]["currency"]),
    )


def by_tax(lines: Sequence[Row], facts: TaxFacts) -> list[tuple[str, Decimal]]:
    """Each tax with its amount on the whole document, in the order of first use."""
    used = {
        part.tax_id: part
        for line in lines
        for tax_id in line["tax_ids"] or ()
        for part in facts.components.get(tax_id, ())
    }
    found = []
    for component_id in used:
        only = {
            tax_id: [part for part in parts if part.tax_id == component_id]
            for tax_id, parts in facts.components.items()
        }
        taxed = document_totals(
            [_taxable(line) for line in lines], only, facts.method, decimals(lines[0]["currency"])
        )
        found.append((facts.names[component_id], taxed.tax))
    return found


def _taxable(line: Row) -> TaxableLine:
    return TaxableLine(Decimal(1), line["amount"], tuple(line["tax_ids"] or ()))


def paper(document: Row, lines: Sequence[Row], facts: TaxFacts) -> str:
    """The draft on paper."""
    currency = document["currency"]
    whole = totals(lines, facts)
    kind = "Credit note" if whole and whole.total < 0 else "Invoice"
    span = (
        f"{f.day(document['billing_period_start'])} to {f.last_day(document['billing_period_end'])}"
    )
    customer = escape(document["customer_name"] or "Unknown customer")
    shown = [{**line, "taxes": _tax_names(line)} for line in lines[:SHOWN_LINES]]
    return (
        '<article class="fb fb-paper"><header><div>'
        f'<div class="stamp">DRAFT {escape(kind.upper())}</div><div>{escape(facts.company)}</div>'
        f"</div><div><b>{ui.linked(customer, links.customer(document))}</b>"
        f"<div>{escape(document['service'])} · {escape(span)}</div></div></header>"
        + ui.table_html(shown, COLUMNS, f"Draft for {document['customer_name']}")
        + _rest(lines)
        + _totals_html(lines, whole, facts, currency)
        + "</article>"
    )


def _rest(lines: Sequence[Row]) -> str:
    """What a long document holds beyond the lines shown."""
    rest = lines[SHOWN_LINES:]
    if not rest:
        return ""
    amount = f.money(sum((line["amount"] for line in rest), Decimal(0)), rest[0]["currency"])
    more = f.counted(len(rest), "more line")
    return f'<p class="fb-caption">… and {more}, {amount}; the export has them all.</p>'


def _totals_html(lines: Sequence[Row], whole: Totals | None, facts: TaxFacts, currency: str) -> str:
    if whole is None:
        return '<p class="fb-caption warn">Its taxes are not resolved: it cannot be published.</p>'
    pairs = [("Subtotal", whole.untaxed), *by_tax(lines, facts)]
    cells = "".join(
        f"<div><span>{escape(name)}</span><span>{f.money(amount, currency)}</span></div>"
        for name, amount in pairs
    )
    total = f.money(whole.total, currency)
    return (
        f'<div class="fb-totals">{cells}'
        f'<div class="all"><span>Total</span><span data-total>{total}</span></div></div>'
    )


def _tax_names(line: Row) -> str:
    return ", ".join(str(part["name"]) for part in line["tax_components"] or []) or "no tax"
