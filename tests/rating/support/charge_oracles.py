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
    price: Decimal = Decimal(0)
    discounts: list[list[Row]] = field(default_factory=lambda: [[], []])
    cancelled_at: datetime | None = None
    # What the second load makes of records of the first: by id another quantity, or gone.
    edits: dict[int, Decimal | None] = field(default_factory=dict)
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


DISCOUNT_DAYS = ("2026-03-01", "2026-04-01", "2026-05-01", "2026-05-02", "2026-05-20", "2026-06-01")


def discounts(number: int) -> Trial:
    """A fee and usage, of which something is taken off: granted in time, or after it was billed."""
    chance, name = Random(f"discount {number}"), f"s{number}"
    price = decimal(chance, 0, 90, 2)
    unit_price, quota = decimal(chance, 0, 3, 6), decimal(chance, 0, 40, 2)
    least = decimal(chance, 0, 60, 2) if chance.random() < 0.3 else None
    most = decimal(chance, 60, 200, 2) if chance.random() < 0.3 else None
    first_day = chance.choice((None, None, 5, 20))
    loads = [
        [
            record(number * 100 + k, name, "units_sum", decimal(chance, 0, 60, 6), at)
            for k in ks
            for at in [toronto(2026, 5, 31, k % 20)]
        ]
        for ks in (range(chance.randint(1, 4)), range(10, 10 + chance.randint(0, 3)))
    ]
    granted = _discount(chance, name)
    given = [[], [granted]] if chance.random() < 0.4 else [[granted], [granted]]

    def off(charge: str, amount: Decimal, day: str, share: Decimal, rows: list[Row]) -> Decimal:
        for row in rows:
            is_in_force = row["valid_from"] <= day and (row["valid_to"] or "9") > day
            if is_in_force and row["charge"] in (None, charge):
                if row["discount_percent"] is not None:
                    return amount - amount * row["discount_percent"] / 100
                return max(amount - row["discount_amount"] * share, Decimal(0))
        return amount

    def month(start: datetime, records: list[Row], rows: list[Row]) -> Decimal:
        days = (MONTHS[MONTHS.index(start) + 1].date() - start.date()).days
        share = Decimal(days + 1 - (first_day or 1)) / days
        day = f"2026-{start.month:02}-{first_day or 1:02}"
        used = sum((row["quantity"] for row in records), Decimal(0)) if start.month == 5 else 0
        usage_amount = max(used - quota * share, Decimal(0)) * unit_price
        if most is not None:
            usage_amount = min(usage_amount, most * share)
        usage_amount = off("units_sum", usage_amount, day, share, rows)
        fee = cents(off("base", price * share, day, share, rows))
        owed = usage_amount if least is None else max(usage_amount, least * share)
        return fee + cents(owed)

    def cost(records: list[Row], rows: list[Row]) -> Months:
        with localcontext(EXACT):
            held = MONTHS[2:3] if first_day else MONTHS[:3]
            return {start: month(start, records, rows) for start in held}

    return Trial(
        name,
        MONTHS[0] if first_day is None else toronto(2026, 5, first_day),
        {
            "unit_price": unit_price,
            "included_quantity": quota,
            "minimum": least,
            "maximum": most,
        },
        loads,
        [cost(loads[0], given[0]), cost([*loads[0], *loads[1]], given[1])],
        price=price,
        discounts=given,
    )


def _discount(chance: Random, name: str) -> Row:
    is_percent = chance.random() < 0.5
    begins = chance.choice(DISCOUNT_DAYS[:5])
    ends = chance.choice([None, *(day for day in DISCOUNT_DAYS if day > begins)])
    return {
        "service": "nexacloud",
        "external_subscription_id": name,
        "charge": chance.choice(("base", "units_sum", *([None] if is_percent else []))),
        "discount_percent": decimal(chance, 1, 100, 3) if is_percent else None,
        "discount_amount": None if is_percent else decimal(chance, 1, 60, 2),
        "currency": None if is_percent else "CAD",
        "valid_from": begins,
        "valid_to": ends,
        "reason": "a hard start",
        "granted_by": "ann",
    }
