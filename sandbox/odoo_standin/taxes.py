"""Tax arithmetic of an invoice under both rounding methods, as measured on a real Odoo 19.

Flows in: lines with rounded price, quantity and discount, and percentage taxes. Flows out: what
Odoo would show: subtotals, tax lines, totals and each line's balance. Pure, exact, half up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from sandbox.odoo_standin.values import round_to

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)


class TaxKey(NamedTuple):
    """What a tax line stands for: the tax, and the group it was applied through (if any)."""

    tax_id: int
    group_id: int | None


@dataclass(frozen=True)
class Tax:
    """One percentage tax as applied to a line; groups are flattened into their children."""

    key: TaxKey
    rate: Decimal
    is_included: bool = False


@dataclass(frozen=True)
class InvoiceLine:
    """A product line; numbers are already rounded to their fields' digits."""

    quantity: Decimal
    price_unit: Decimal
    discount: Decimal = _ZERO
    taxes: tuple[Tax, ...] = ()

    @property
    def raw_total(self) -> Decimal:
        return self.price_unit * self.quantity * (1 - self.discount / _HUNDRED)

    @property
    def included_factor(self) -> Decimal:
        """1 + the rates that the price already contains."""
        return 1 + sum((tax.rate for tax in self.taxes if tax.is_included), _ZERO) / _HUNDRED


@dataclass
class LineTotals:
    """Subtotal and total as shown on the line; `balance` also carries the rounding delta."""

    subtotal: Decimal
    total: Decimal
    balance: Decimal


@dataclass
class TaxTotals:
    """One tax line of the invoice."""

    base: Decimal
    amount: Decimal


@dataclass
class Totals:
    """Everything about an invoice's amounts, in its currency, without the document's sign."""

    lines: list[LineTotals]
    taxes: dict[TaxKey, TaxTotals]
    untaxed: Decimal

    @property
    def tax(self) -> Decimal:
        return sum((item.amount for item in self.taxes.values()), _ZERO)

    @property
    def total(self) -> Decimal:
        return self.untaxed + self.tax


def compute(lines: Sequence[InvoiceLine], method: str, decimals: int) -> Totals:
    """Compute an invoice's totals; `method` is round_globally or round_per_line."""
    if method == "round_per_line":
        return _per_line(lines, decimals)
    return _globally(lines, decimals)


def _per_line(lines: Sequence[InvoiceLine], decimals: int) -> Totals:
    shown: list[LineTotals] = []
    taxes: dict[TaxKey, TaxTotals] = {}
    for line in lines:
        total = round_to(line.raw_total, decimals)
        excluded = total / line.included_factor
        amounts = [_tax_of(tax, excluded, decimals) for tax in line.taxes]
        included = [a for t, a in zip(line.taxes, amounts, strict=True) if t.is_included]
        base = total - sum(included, _ZERO)
        for tax, amount in zip(line.taxes, amounts, strict=True):
            _add(taxes, tax.key, base, amount)
        shown.append(LineTotals(base, base + sum(amounts, _ZERO), base))
    return Totals(shown, taxes, sum((line.subtotal for line in shown), _ZERO))


def _tax_of(tax: Tax, base: Decimal, decimals: int) -> Decimal:
    return round_to(base * tax.rate / _HUNDRED, decimals)


def _add(taxes: dict[TaxKey, TaxTotals], key: TaxKey, base: Decimal, amount: Decimal) -> None:
    item = taxes.setdefault(key, TaxTotals(_ZERO, _ZERO))
    item.base += base
    item.amount += amount


def _globally(lines: Sequence[InvoiceLine], decimals: int) -> Totals:
    shown: list[LineTotals] = []
    raw: dict[TaxKey, TaxTotals] = {}
    for line in lines:
        excluded = line.raw_total / line.included_factor
        subtotal = round_to(excluded, decimals)
        line_tax = _ZERO
        for tax in line.taxes:
            _add(raw, tax.key, excluded, excluded * tax.rate / _HUNDRED)
            line_tax += _tax_of(tax, excluded, decimals)
        shown.append(LineTotals(subtotal, subtotal + line_tax, subtotal))
    taxes = _rounded_by_tax(raw, decimals)
    untaxed = _untaxed_globally(lines, decimals)
    _spread([line.subtotal for line in shown], untaxed, decimals, shown)
    return Totals(shown, taxes, untaxed)


def _untaxed_globally(lines: Sequence[InvoiceLine], decimals: int) -> Decimal:
    """Round the sum once; where prices contain tax, the untaxed part is total less tax."""
    plain = [line for line in lines if line.included_factor == 1]
    included = [line for line in lines if line.included_factor != 1]
    untaxed = round_to(sum((line.raw_total for line in plain), _ZERO), decimals)
    contained: dict[int, Decimal] = {}
    for line in included:
        excluded = line.raw_total / line.included_factor
        for tax in line.taxes:
            if tax.is_included:
                amount = excluded * tax.rate / _HUNDRED
                contained[tax.key.tax_id] = contained.get(tax.key.tax_id, _ZERO) + amount
    total = round_to(sum((line.raw_total for line in included), _ZERO), decimals)
    return untaxed + total - sum((round_to(a, decimals) for a in contained.values()), _ZERO)


def _rounded_by_tax(raw: dict[TaxKey, TaxTotals], decimals: int) -> dict[TaxKey, TaxTotals]:
    """Round once per tax; where a tax has several lines (alone, in a group), share the cents."""
    rounded = {
        key: TaxTotals(round_to(item.base, decimals), round_to(item.amount, decimals))
        for key, item in raw.items()
    }
    for tax_id in {key.tax_id for key in raw}:
        keys = [key for key in raw if key.tax_id == tax_id]
        target = round_to(sum((raw[key].amount for key in keys), _ZERO), decimals)
        delta = target - sum((rounded[key].amount for key in keys), _ZERO)
        for key, cent in zip(keys, _cents(delta, len(keys), decimals), strict=True):
            rounded[key].amount += cent
    return rounded


def _spread(
    amounts: Sequence[Decimal], target: Decimal, decimals: int, lines: Sequence[LineTotals]
) -> None:
    """Put what the one rounding of the sum left over into the balances, first lines first."""
    delta = target - sum(amounts, _ZERO)
    for line, cent in zip(lines, _cents(delta, len(lines), decimals), strict=True):
        line.balance += cent


def _cents(delta: Decimal, parts: int, decimals: int) -> list[Decimal]:
    """Share a small amount out: one step each from the first on, again if there is more."""
    step = Decimal(1).scaleb(-decimals).copy_sign(delta)
    shares = [_ZERO] * parts
    for number in range(int(delta / step) if parts else 0):
        shares[number % parts] += step
    return shares
