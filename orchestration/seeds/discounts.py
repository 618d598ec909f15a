"""What the rows of discounts.csv say together: one discount a charge at a time, of what is there.

Flows in: rows whose cells are right, the price book, what the warehouse knows. Flows out: problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from orchestration.seeds import book
from orchestration.seeds.files import SeedProblem, SeedRow
from orchestration.seeds.known import ANY, Known

BASE = "base"
EVERY = ""  # a discount without a charge is of every charge


def problems(
    rows: Sequence[SeedRow], charges: Sequence[SeedRow], metrics: set[str], known: Known
) -> Iterator[SeedProblem]:
    """Everything that is wrong with the discounts as a whole; `metrics` are of any service."""
    names = {BASE} | metrics | {book.charge_name(row) for row in charges}
    for row in rows:
        yield from _size(row)
        yield from book.bounds(row)
        if row["charge"] and known.plans and row["charge"] not in names:
            what = f"no charge is called so; write one of {', '.join(sorted(names)[:8])}"
            yield row.problem("charge", what)
        yield from _subscription(row, known)
    yield from _at_once(rows)


def _size(row: SeedRow) -> Iterator[SeedProblem]:
    percent, amount = row["discount_percent"], row["discount_amount"]
    if (percent is None) == (amount is None):
        yield row.problem("discount_percent", "write it or discount_amount: one of them")
    elif percent is not None and Decimal(percent) > 100:
        yield row.problem("discount_percent", "is more than all of it; write at most 100")
    elif amount is not None and row["charge"] is None:
        yield row.problem("charge", "is empty; an amount is taken off one charge: write which")
    if amount is not None and row["currency"] is None:
        yield row.problem("currency", "is empty; write the currency of discount_amount")
    if amount is None and row["currency"] is not None:
        yield row.problem("currency", "counts only with discount_amount; leave it empty")


def _subscription(row: SeedRow, known: Known) -> Iterator[SeedProblem]:
    if known.subscriptions is None:
        return
    service, name = row["service"] or "", row["external_subscription_id"]
    of_service = known.subscriptions.get(service, frozenset())
    if name not in of_service | known.subscriptions.get(ANY, frozenset()):
        what = f"{service} has no such subscription; write its id at its source"
        yield row.problem("external_subscription_id", what)


def _at_once(rows: Sequence[SeedRow]) -> Iterator[SeedProblem]:
    """Two discounts of one charge on one day; one of every charge meets each other one."""
    for number, later in enumerate(rows):
        for earlier in rows[:number]:
            if _are_of_one_charge(earlier, later) and _share_a_day(earlier, later):
                what = f"line {earlier.line} is a discount of the same charge on that day"
                yield later.problem("valid_from", f"{what}; end that one with a valid_to first")
                break


def _are_of_one_charge(one: SeedRow, other: SeedRow) -> bool:
    same = all(one[name] == other[name] for name in ("service", "external_subscription_id"))
    ones, others = one["charge"] or EVERY, other["charge"] or EVERY
    return same and (ones == others or EVERY in (ones, others))


def _share_a_day(one: SeedRow, other: SeedRow) -> bool:
    return (one["valid_from"] or "") < (other["valid_to"] or "9") and (
        other["valid_from"] or ""
    ) < (one["valid_to"] or "9")
