"""What made-up charges must come to, by plain Decimal arithmetic that knows nothing of the SQL.

In: a seed. Out: trials: rows of a subscription in two loads, and what each month costs after each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from random import Random
from typing import Any

from nexacloud_rows import toronto, usage

Row = dict[str, Any]
Months = dict[datetime, Decimal]
METRIC = "units"
MONTHS = [toronto(2026, month, 1) for month in (3, 4, 5, 6)]
CENT = Decimal("0.01")
EXACT = Context(prec=60)


@dataclass
class Trial:
    """A subscription of a plan of its own; `loads` and `expected` are before and after billing."""

    name: str
    started_at: datetime
    charge: Row
    loads: list[list[Row]]
    expected: list[Months]
    aggregation: str = "sum"
    tiers: list[Row] = field(default_factory=list)

    @property
    def metric(self) -> str:
        return f"{METRIC}_{self.aggregation}"

    def seed_rows(self, seed: str) -> list[Row]:
        named = {"service": "nexacloud", "plan_code": self.name}
        if seed == "charges":
            return [{**named, "metric": self.metric, "currency": "CAD", **self.charge}]
        return [{**named, "charge": self.metric, **tier} for tier in self.tiers]


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def decimal(chance: Random, low: int, high: int, places: int) -> Decimal:
    return Decimal(chance.randint(low * 10**places, high * 10**places)).scaleb(-places)


def record(number: int, trial: str, metric: str, quantity: Decimal, at: datetime) -> Row:
    return usage(number, trial, quantity, at, metric=metric)


def graduated_percentage(number: int) -> Trial:
    """Tiers of a transaction volume: the rate of each counts for the part that lies in it."""
    chance, name = Random(f"graduated {number}"), f"s{number}"
    bounds: list[Decimal | None] = [
        *sorted({decimal(chance, 1, 4000, 2) for _ in range(chance.randint(0, 4))}),
        None,
    ]
    tiers = [
        (bound, decimal(chance, 0, 12, 4), decimal(chance, 0, 20, 2) * chance.randint(0, 1))
        for bound in bounds
    ]
    quota = decimal(chance, 0, 500, 2) * chance.randint(0, 1)
    most = decimal(chance, 0, 200, 2) if chance.random() < 0.2 else None
    first_day = chance.choice((1, 1, 1, 11, 31))
    loads = [
        [
            record(number * 100 + k, name, "units_sum", decimal(chance, 0, 3000, 6), at)
            for k in ks
            for at in [toronto(2026, 5, 31, k % 20)]
        ]
        for ks in (range(chance.randint(0, 4)), range(10, 10 + chance.randint(0, 3)))
    ]

    def cost(records: list[Row]) -> Months:
        with localcontext(EXACT):
            share = Decimal(32 - first_day) / 31
            volume = sum((row["quantity"] for row in records), Decimal(0)) - quota * share
            volume, floor, total = max(volume, Decimal(0)), Decimal(0), Decimal(0)
            for place, (bound, rate, fee) in enumerate(tiers):
                if place == 0 or volume > floor:
                    inside = (volume if bound is None else min(bound, volume)) - floor
                    total += fee + inside * rate / 100
                floor = volume if bound is None else bound
            return {MONTHS[2]: cents(total if most is None else min(total, most * share))}

    return Trial(
        name,
        MONTHS[0] if first_day == 1 else toronto(2026, 5, first_day),
        {"charge_model": "graduated_percentage", "included_quantity": quota, "maximum": most},
        loads,
        [cost(loads[0]), cost([*loads[0], *loads[1]])],
        tiers=[
            {"tier_to": bound, "unit_price": rate, "flat_fee": fee} for bound, rate, fee in tiers
        ],
    )
