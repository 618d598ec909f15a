"""Law 3: which usage counts, once, and what a metric makes of it.

In: the usage rows that stand at the source, and those that are gone. Out: the records that count,
and quantities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

from company.story import Row

AGGREGATIONS = {"cpu_seconds": "sum", "requests": "sum", "seats": "max", "storage": "last"}


def counted(rows: Iterable[Row], duplicate_policy: str) -> list[Row]:
    """One record of each (subscription, metric, key), by the policy; those without a key are all
    their own. What was withdrawn is not among `rows`."""
    by_key: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        key = row["idempotency_key"] or f"# {row['id']}"
        by_key[row["subscription_id"], row["metric"], key].append(row)
    kept = max if duplicate_policy == "last" else min
    return [kept(repeated, key=_written) for repeated in by_key.values()]


def _written(row: Row) -> tuple[object, int]:
    return row["created_at"], int(row["id"])


def quantity(metric: str, records: list[Row]) -> Fraction:
    if not records:
        return Fraction(0)
    if AGGREGATIONS[metric] == "max":
        return max(Fraction(str(row["quantity"])) for row in records)
    if AGGREGATIONS[metric] == "last":
        newest = max(records, key=lambda row: (row["window_start"], *_written(row)))
        return Fraction(str(newest["quantity"]))
    return sum((Fraction(str(row["quantity"])) for row in records), Fraction(0))
