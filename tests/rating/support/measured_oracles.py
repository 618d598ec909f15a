"""What gauges and samples come to, by plain arithmetic over single records.

In: a number. Out: trials as charge_oracles has them; the quantities are counted reading by reading.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from random import Random

from charge_oracles import EXACT, MONTHS, Months, Row, Trial, cents, decimal, record
from dbt_runs import AS_OF
from nexacloud_rows import toronto

MILLIONTH = Decimal("0.000001")
Quantity = Callable[[list[Row], datetime, datetime], Decimal]


def time_weighted(number: int) -> Trial:
    """Readings of a gauge, some at one instant, some before the start or after the end."""
    chance = Random(f"gauge {number}")
    unit, seconds = chance.choice((("hours", 3600), ("days", 86400)))
    first, last = toronto(2026, 2, 25), toronto(2026, 6, 2)
    minutes = int((last - first) / timedelta(minutes=1))
    times = [
        first + timedelta(minutes=chance.randrange(minutes), seconds=chance.choice((0, 0, 7)))
        for _ in range(chance.randint(0, 9))
    ]
    times += chance.sample(times, chance.randint(0, len(times)) // 3)
    times += chance.sample(MONTHS, chance.randint(0, 1))

    def weighted(records: list[Row], start: datetime, end: datetime) -> Decimal:
        total = Decimal(0)
        for place, row in enumerate(records):
            until = records[place + 1]["window_start"] if place + 1 < len(records) else AS_OF
            held_from, held_until = max(row["window_start"], start), min(until, end, AS_OF)
            if held_until > held_from:
                span = held_until - held_from
                total += row["quantity"] * (span.days * 86400 + span.seconds)
        return (total / seconds).quantize(MILLIONTH, ROUND_HALF_UP)

    return _measured(chance, number, f"time_weighted_{unit}", times, weighted)


def percentile(number: int) -> Trial:
    """Samples of which the largest twentieth is left out; the largest of the others counts."""
    chance = Random(f"samples {number}")
    first = toronto(2026, 4, 20)
    times = [
        first + timedelta(minutes=5 * chance.randrange(12 * 24 * 43))
        for _ in range(chance.choice((0, 1, 19, 20, 21, 40, chance.randint(30, 130))))
    ]

    def at_rank(records: list[Row], start: datetime, end: datetime) -> Decimal:
        inside = sorted(row["quantity"] for row in records if start <= row["window_start"] < end)
        # Nearest rank: the first value that at least 95 of 100 do not exceed.
        rank = next((n for n in range(1, len(inside) + 1) if n * 100 >= len(inside) * 95), 0)
        return inside[rank - 1] if rank else Decimal(0)

    return _measured(chance, number, "percentile_95", times, at_rank)


def _measured(
    chance: Random, number: int, aggregation: str, times: list[datetime], quantity: Quantity
) -> Trial:
    name, metric = f"s{number}", f"units_{aggregation}"
    price = decimal(chance, 0, 2, 6)
    start = chance.choice((MONTHS[0], MONTHS[0], toronto(2026, 3, 9, 7), toronto(2026, 5, 6, 15)))
    ends = (None, None, toronto(2026, 5, 21, 11, 30), toronto(2026, 5, 6, 18))
    end = chance.choice([at for at in ends if at is None or at > start])
    values = [decimal(chance, 0, 50, 3) for _ in range(5)]
    rows = [
        record(number * 1000 + k, name, metric, chance.choice(values), at)
        for k, at in enumerate(times)
    ]
    late = [row for row in rows if chance.random() < 0.3]
    early = [row for row in rows if row not in late]
    changed = chance.sample(early, min(len(early), chance.randint(0, 2)))
    edits = {row["id"]: chance.choice((None, decimal(chance, 0, 50, 3))) for row in changed}

    def cost(records: list[Row]) -> Months:
        ordered = sorted(records, key=lambda row: (row["window_start"], row["id"]))
        held = [
            row for row in ordered if start <= row["window_start"] < (end or AS_OF)
        ]  # what lies outside is an exception
        months = dict.fromkeys(MONTHS, Decimal(0))
        with localcontext(EXACT):
            for month, after in zip(MONTHS, (*MONTHS[1:], toronto(2026, 7, 1)), strict=True):
                span = max(month, start), min(after, end or after)
                if span[0] < span[1]:
                    months[month] = cents(quantity(held, *span) * price)
        return months

    known = [{**row, "quantity": edits.get(row["id"], row["quantity"])} for row in early]
    known = [row for row in known if row["quantity"] is not None]
    return Trial(
        name,
        start,
        {"unit_price": price},
        [early, late],
        [cost(early), cost([*known, *late])],
        aggregation=aggregation,
        cancelled_at=end,
        edits=edits,
    )
