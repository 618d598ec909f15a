"""What Odoo will compute: the totals of a document under both of its rounding methods.

In: lines (quantity, unit price, discount, tax ids), tax facts and digits. Out: Decimal totals.
Pure and exact. The rules were measured on Odoo 19: round_per_line rounds base and tax of each line;
round_globally sums unrounded and rounds once per tax, whether the tax stands in a group or alone.
All rounding is half away from zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

RoundingMethod = Literal["round_globally", "round_per_line"]
ZERO = Decimal(0)
HUNDRED = Decimal(100)


def round_half_up(value: Decimal, decimals: int) -> Decimal:
    """Round half away from zero, as Odoo and the warehouse both do."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class Digits:
    """How many decimals Odoo keeps of a written value; it rounds the rest away silently."""

    price: int = 2
    quantity: int = 2
    discount: int = 2


@dataclass(frozen=True)
class TaxComponent:
    """One percentage that Odoo applies: a plain tax, or a child of a group tax."""

    tax_id: int
    rate: Decimal
    is_included: bool = False


@dataclass(frozen=True)
class TaxableLine:
    """One invoice line as Odoo would hold it."""

    quantity: Decimal
    price_unit: Decimal
    tax_ids: tuple[int, ...]
    discount: Decimal = ZERO

    def rounded(self, digits: Digits) -> "TaxableLine":
        """The line after Odoo's silent rounding on write."""
        return TaxableLine(
            quantity=round_half_up(self.quantity, digits.quantity),
            price_unit=round_half_up(self.price_unit, digits.price),
            tax_ids=self.tax_ids,
            discount=round_half_up(self.discount, digits.discount),
        )

    @property
    def raw_amount(self) -> Decimal:
        """Unrounded price of the line, with included taxes where it has such."""
        return self.quantity * self.price_unit * (1 - self.discount / HUNDRED)


@dataclass(frozen=True)
class Totals:
    """amount_untaxed, amount_tax and amount_total of a document, in its currency."""

    untaxed: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """What the customer is asked for."""
        return self.untaxed + self.tax

    def __neg__(self) -> "Totals":
        return Totals(-self.untaxed, -self.tax)


TaxTable = Mapping[int, Sequence[TaxComponent]]


def document_totals(
    lines: Iterable[TaxableLine],
    taxes: TaxTable,
    method: RoundingMethod,
    decimals: int = 2,
    digits: Digits | None = None,
) -> Totals:
    """Totals of a document, as Odoo 19 would store them.

    `taxes` maps every tax id of the lines to its components (a group tax to its children).
    Raises KeyError for a tax id that is not in it.
    """
    as_written = [line.rounded(digits) if digits else line for line in lines]
    if method == "round_per_line":
        return _per_line(as_written, taxes, decimals)
    return _globally(as_written, taxes, decimals)


def _per_line(lines: Sequence[TaxableLine], taxes: TaxTable, decimals: int) -> Totals:
    untaxed, tax = ZERO, ZERO
    for line in lines:
        components = _components(line, taxes)
        price = round_half_up(line.raw_amount, decimals)
        included = sum(
            (round_half_up(part, decimals) for part in _included(price, components)), ZERO
        )
        base = price - included
        added = sum(
            (round_half_up(base * c.rate / HUNDRED, decimals) for c in _excluded(components)), ZERO
        )
        untaxed += base
        tax += included + added
    return Totals(round_half_up(untaxed, decimals), round_half_up(tax, decimals))


def _globally(lines: Sequence[TaxableLine], taxes: TaxTable, decimals: int) -> Totals:
    raw_total = ZERO
    included: dict[int, Decimal] = {}
    added: dict[int, Decimal] = {}
    for line in lines:
        components = _components(line, taxes)
        parts = _included(line.raw_amount, components)
        base = line.raw_amount - sum(parts, ZERO)
        raw_total += line.raw_amount
        for component, part in zip(_only_included(components), parts, strict=True):
            _add(included, component, part)
        for component in _excluded(components):
            _add(added, component, base * component.rate / HUNDRED)
    inside = sum((round_half_up(part, decimals) for part in included.values()), ZERO)
    outside = sum((round_half_up(part, decimals) for part in added.values()), ZERO)
    untaxed = round_half_up(raw_total, decimals) - inside
    return Totals(untaxed, round_half_up(inside + outside, decimals))


def _add(sums: dict[int, Decimal], component: TaxComponent, part: Decimal) -> None:
    sums[component.tax_id] = sums.get(component.tax_id, ZERO) + part


def _components(line: TaxableLine, taxes: TaxTable) -> list[TaxComponent]:
    return [component for tax_id in line.tax_ids for component in taxes[tax_id]]


def _excluded(components: Sequence[TaxComponent]) -> list[TaxComponent]:
    return [component for component in components if not component.is_included]


def _only_included(components: Sequence[TaxComponent]) -> list[TaxComponent]:
    return [component for component in components if component.is_included]


def _included(price: Decimal, components: Sequence[TaxComponent]) -> list[Decimal]:
    """The part of a price that each included tax takes."""
    rates = [component.rate for component in _only_included(components)]
    whole = HUNDRED + sum(rates, ZERO)
    return [price * rate / whole for rate in rates]
