"""Laws 1 and 4: what a charge costs for a quantity and a fraction of a period, rounded once.

In: a plan's terms, the pages of the price book under its code. Out: charges, and their amounts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from company.story import Row

DECIMALS = {"CAD": 2, "USD": 2, "JPY": 0, "KWD": 3}
Tier = tuple[Fraction | None, Fraction, Fraction]  # to (None: open), unit price, flat fee


@dataclass(frozen=True)
class Charge:
    """A fee for the period (no metric), or a charge on what was used."""

    name: str
    currency: str
    metric: str | None = None
    model: str = "per_unit"
    fee: Fraction = Fraction(0)
    unit_price: Fraction = Fraction(0)
    included: Fraction = Fraction(0)
    package_size: Fraction = Fraction(1)
    minimum: Fraction | None = None
    maximum: Fraction | None = None
    tiers: tuple[Tier, ...] = ()

    def amount(self, used: Fraction, share: Fraction) -> Decimal:
        if self.metric is None:
            return rounded(self.fee * share, self.currency)
        exact = self._modelled(max(used - self.included * share, Fraction(0)))
        if self.maximum is not None:
            exact = min(exact, self.maximum * share)
        if self.minimum is not None:
            exact = max(exact, self.minimum * share)
        return rounded(exact, self.currency)

    def _modelled(self, units: Fraction) -> Fraction:
        if self.model == "per_unit":
            return units * self.unit_price
        if self.model == "package":
            return math.ceil(units / self.package_size) * self.unit_price
        amount, start = Fraction(0), Fraction(0)
        for number, (to, price, fee) in enumerate(self.tiers):
            if number and units <= start:
                break
            amount += fee + (units if to is None else min(units, to)) * price - start * price
            start = units if to is None else to
        return amount


def rounded(exact: Fraction, currency: str) -> Decimal:
    """Half away from zero, to the currency's decimals."""
    places = DECIMALS[currency]
    whole = math.floor(abs(exact) * 10**places + Fraction(1, 2))
    return Decimal(whole if exact >= 0 else -whole).scaleb(-places)


def charges_of(plan: Row, book: Sequence[Row], tiers: Sequence[Row]) -> list[Charge]:
    """The book's charges of the plan's code; what it does not name costs what the plan says."""
    pages = [_page(row, tiers) for row in book if row["plan_code"] == plan["code"]]
    fees = [
        Charge("base", row["currency"], fee=_fraction(row["base_fee"]))
        for row in book
        if row["plan_code"] == plan["code"] and row.get("base_fee") is not None
    ]
    currency = plan["currency"].upper()
    if not fees and plan["price"] is not None:
        fees = [Charge("base", currency, fee=_fraction(plan["price"]))]
    metered = [page for page in pages if page.metric]
    if all(charge.metric != "cpu_seconds" for charge in metered):
        metered.append(
            Charge(
                "cpu_seconds",
                currency,
                "cpu_seconds",
                unit_price=_fraction(plan["overage_price_per_cpu_second"] or 0),
                included=_fraction(plan["included_cpu_seconds"] or 0),
            )
        )
    return [*fees, *metered]


def _page(row: Row, tiers: Sequence[Row]) -> Charge:
    own = [
        (
            None if tier["tier_to"] is None else _fraction(tier["tier_to"]),
            _fraction(tier["unit_price"]),
            _fraction(tier["flat_fee"]),
        )
        for tier in tiers
        if (tier["plan_code"], tier["charge"]) == (row["plan_code"], row["charge"])
    ]
    return Charge(
        row["charge"],
        row["currency"],
        row.get("metric"),
        row.get("charge_model") or "per_unit",
        unit_price=_fraction(row.get("unit_price") or 0),
        included=_fraction(row.get("included_quantity") or 0),
        package_size=_fraction(row.get("package_size") or 1),
        minimum=_maybe(row.get("minimum")),
        maximum=_maybe(row.get("maximum")),
        tiers=tuple(own),
    )


def _fraction(value: Any) -> Fraction:
    return Fraction(str(value))


def _maybe(value: Any) -> Fraction | None:
    return None if value is None else _fraction(value)
