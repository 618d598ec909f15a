"""Charges and usage that Hypothesis makes up, and what they cost by exact fractions.

In: draws. Out: price book rows of a plan, and `cost`, which says in plain rational arithmetic what
the plan's charge must come to: no SQL, no decimals, no rounding before the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

Row = dict[str, Any]
MODELS = ("per_unit", "graduated", "graduated_percentage", "volume", "package", "percentage")

quantities = st.decimals(0, 5000, places=6)
prices = st.decimals(0, 20, places=6)
fees = st.decimals(0, 200, places=2)


@dataclass(frozen=True)
class Charge:
    """A charge on one metric; tiers are (to, unit price, flat fee), the last one open."""

    model: str
    unit_price: Decimal
    included: Decimal
    package_size: Decimal
    rate_percent: Decimal
    tiers: tuple[tuple[Decimal | None, Decimal, Decimal], ...]
    minimum: Decimal | None
    maximum: Decimal | None

    def rows(self, plan_code: str, metric: str) -> tuple[Row, list[Row]]:
        """The charge's row of charges.csv, and its rows of charge_tiers.csv."""
        key = {"service": "nexacloud", "plan_code": plan_code, "charge": metric}
        row = {
            **key,
            "metric": metric,
            "charge_model": self.model,
            "currency": "CAD",
            "included_quantity": self.included,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "package_size": self.package_size,
            "unit_price": self.unit_price,
            "rate_percent": self.rate_percent,
        }
        tiers = [
            {**key, "tier_to": to, "unit_price": price, "flat_fee": fee}
            for to, price, fee in self.tiers
        ]
        return row, tiers if "graduated" in self.model or self.model == "volume" else []

    def billable(self, used: Decimal, share: Fraction) -> Fraction:
        return max(Fraction(used) - Fraction(self.included) * share, Fraction(0))

    def cost(self, used: Decimal, share: Fraction = Fraction(1)) -> Decimal:
        """The amount in cents, rounded once half away from zero, minimum and maximum applied."""
        exact = self._modelled(self.billable(used, share))
        if self.maximum is not None:
            exact = min(exact, Fraction(self.maximum) * share)
        if self.minimum is not None:
            exact = max(exact, Fraction(self.minimum) * share)
        return Decimal(math.floor(exact * 100 + Fraction(1, 2))) / 100

    def tier_of(self, units: Fraction) -> int:
        bounds = [to for to, _, _ in self.tiers if to is not None]
        return sum(units > Fraction(bound) for bound in bounds)

    def _modelled(self, units: Fraction) -> Fraction:
        if self.model == "per_unit":
            return units * Fraction(self.unit_price)
        if self.model == "percentage":
            return units * Fraction(self.rate_percent) / 100
        if self.model == "package":
            return math.ceil(units / Fraction(self.package_size)) * Fraction(self.unit_price)
        if self.model == "volume":
            _, price, fee = self.tiers[self.tier_of(units)]
            return units * Fraction(price) + Fraction(fee)
        return self._graduated(units, 100 if self.model == "graduated_percentage" else 1)

    def _graduated(self, units: Fraction, priced: int) -> Fraction:
        amount, start = Fraction(0), Fraction(0)
        for number, (to, price, fee) in enumerate(self.tiers):
            if number and units <= start:
                break
            end = units if to is None else min(units, Fraction(to))
            amount += Fraction(fee) + (end - start) * Fraction(price) / priced
            start = Fraction(to) if to is not None else units
        return amount


@st.composite
def charges(draw: st.DrawFn, models: tuple[str, ...] = MODELS) -> Charge:
    bounds = draw(st.lists(st.decimals(1, 4000, places=3), max_size=3, unique=True))
    tiers = [(bound, draw(prices), draw(fees)) for bound in sorted(bounds)]
    minimum = draw(st.none() | fees)
    more = draw(st.none() | fees)
    return Charge(
        model=draw(st.sampled_from(models)),
        unit_price=draw(prices),
        included=draw(st.just(Decimal(0)) | quantities),
        package_size=draw(st.decimals("0.5", 1000, places=3)),
        rate_percent=draw(st.decimals(0, 30, places=4)),
        tiers=(*tiers, (None, draw(prices), draw(fees))),
        minimum=minimum,
        maximum=None if more is None else more + (minimum or 0),
    )


@st.composite
def parts_of(draw: st.DrawFn, total: Decimal) -> list[Decimal]:
    """Records that add up to a total; some of them may be nothing."""
    shares = draw(st.lists(st.integers(0, 1000), min_size=1, max_size=6))
    whole = sum(shares) or 1
    parts = [(total * share / whole).quantize(Decimal("0.000001")) for share in shares[:-1]]
    while sum(parts) > total:
        parts.pop()
    return [*parts, total - sum(parts, Decimal(0))]
