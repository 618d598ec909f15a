"""What the rows of a price book say together: one price at a time, tiers up to an open end.

Flows in: rows of charges.csv and charge_tiers.csv whose cells are right. Flows out: problems.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from orchestration.seeds.files import SeedProblem, SeedRow
from orchestration.seeds.models import CHARGE_MODELS, TIERS

Key = tuple[str | None, ...]
# What charges are rated by; what no model of a row reads would be lost without a word.
PRICES = ("unit_price", "package_size", "rate_percent")
ONLY_WITH_METRIC = ("included_quantity", "minimum", "maximum")


def problems(charges: Sequence[SeedRow], tiers: Sequence[SeedRow]) -> Iterator[SeedProblem]:
    """Everything that is wrong with a price book as a whole."""
    ladders = _ladders(tiers)
    for row in charges:
        yield from _row(row, ladders)
    yield from _tiers(charges, ladders)
    yield from overlaps([(key, row) for row in charges for key in _prices(row)])


def model(row: SeedRow) -> str:
    """The charge model as rating reads it."""
    named = row["charge_model"] or "per_unit"
    return "per_unit" if named == "standard" else named


def _reads(named: str) -> frozenset[str]:
    """The columns that a model reads; none where nobody knows it: its cell says so."""
    return CHARGE_MODELS.get(named, frozenset())


def charge_name(row: SeedRow) -> str:
    """What the charge is called on a line, and in charge_tiers.csv."""
    return row["charge"] or row["metric"] or "base"


def _row(row: SeedRow, ladders: dict[Key, list[SeedRow]]) -> Iterator[SeedProblem]:
    named = model(row)
    if row["metric"] is None and row["base_fee"] is None:
        yield row.problem("base_fee", "there is neither a base_fee nor a metric; write one of them")
    if named == "one_off" and row["metric"] is not None:
        yield row.problem("metric", "a one_off is charged once; leave the metric empty")
    if named == "one_off" and row["base_fee"] is None:
        yield row.problem("base_fee", "is empty; write what is charged once")
    if row["metric"] is not None and named != "one_off":
        yield from _priced(row, named, ladders)
    if charge_name(row) == "base" and (row["metric"] or named == "one_off"):
        yield row.problem("charge", "base is the fee of each period; write another name")
    yield from _ignored(row, named)
    yield from bounds(row)
    least, most = row["minimum"], row["maximum"]
    if least and most and Decimal(least) > Decimal(most):
        yield row.problem("minimum", f"is above the maximum {most}; write at most that")


def _priced(row: SeedRow, named: str, ladders: dict[Key, list[SeedRow]]) -> Iterator[SeedProblem]:
    if TIERS in _reads(named):
        if _ladder_key(row, charge_name(row)) not in ladders:
            where = f"of the charge {charge_name(row)} and the same valid_from"
            what = f"it has no tiers; write its rows {where} in charge_tiers.csv"
            yield row.problem("charge_model", what)
        return
    needed = [column for column in PRICES if column in _reads(named)]
    for column in needed:
        if row[column] is None:
            yield row.problem(column, f"is empty; a {named} charge needs it")
    if "package_size" in needed and row["package_size"] and Decimal(row["package_size"]) == 0:
        yield row.problem("package_size", "is zero; write more than 0")


def _ignored(row: SeedRow, named: str) -> Iterator[SeedProblem]:
    """A value that no rating reads: the writer meant something by it."""
    for column in PRICES:
        is_read = row["metric"] is not None and column in _reads(named)
        if not is_read and Decimal(row[column] or 0) != 0:
            models = " or ".join(name for name in CHARGE_MODELS if column in _reads(name))
            what = f"counts only with a metric and the model {models}; leave it empty"
            yield row.problem(column, what)
    for column in ONLY_WITH_METRIC:
        if row["metric"] is None and Decimal(row[column] or 0) != 0:
            yield row.problem(column, "counts only with a metric; leave it empty")


def bounds(row: SeedRow) -> Iterator[SeedProblem]:
    """A validity that ends before it begins."""
    first, end = row["valid_from"], row["valid_to"]
    if first and end and end <= first:
        yield row.problem("valid_to", f"is not after valid_from {first}; write a later day")


def _prices(row: SeedRow) -> list[Key]:
    """The charges that a row prices: its fee and its usage are two, and want two names."""
    named = [charge_name(row)] if row["metric"] is not None else []
    if row["base_fee"] is not None:
        named.append("base" if row["metric"] is not None else charge_name(row))
    return [(row["service"], row["plan_code"], name) for name in named]


def overlaps(priced: Sequence[tuple[Key, SeedRow]]) -> Iterator[SeedProblem]:
    """Two rows that price one thing on one day; of both rating would take one."""
    rows_of: dict[Key, list[SeedRow]] = defaultdict(list)
    for key, row in priced:
        rows_of[key].append(row)
    for key, rows in rows_of.items():
        rows.sort(key=lambda row: (row["valid_from"] or "", row.line))
        for number, later in enumerate(rows):
            for earlier in rows[:number]:
                if (later["valid_from"] or "") < (earlier["valid_to"] or "9"):
                    what = f"{key[-1]} has a price already from line {earlier.line} on that day"
                    yield later.problem("valid_from", f"{what}; end that one with a valid_to first")


def _ladder_key(row: SeedRow, charge: str | None) -> Key:
    return (row["service"], row["plan_code"], charge, row["valid_from"])


def _ladders(tiers: Sequence[SeedRow]) -> dict[Key, list[SeedRow]]:
    ladders: dict[Key, list[SeedRow]] = defaultdict(list)
    for row in tiers:
        ladders[_ladder_key(row, row["charge"])].append(row)
    return dict(ladders)


def _tiers(charges: Sequence[SeedRow], ladders: dict[Key, list[SeedRow]]) -> Iterator[SeedProblem]:
    owners = {_ladder_key(row, charge_name(row)): row for row in charges if row["metric"]}
    for key, rows in ladders.items():
        owner = owners.get(key)
        if owner is None:
            what = "no charge of charges.csv has this service, plan_code, charge and valid_from"
            yield rows[0].problem("charge", f"{what}; write them alike")
        elif TIERS not in _reads(model(owner)):
            tiered = " or ".join(name for name in CHARGE_MODELS if TIERS in _reads(name))
            what = f"its charge is {model(owner)}, which has no tiers; write {tiered}"
            yield rows[0].problem("charge", what)
        yield from _ladder(rows)


def _ladder(rows: Sequence[SeedRow]) -> Iterator[SeedProblem]:
    before = Decimal(0)
    for number, row in enumerate(rows, start=1):
        if row["unit_price"] is None and row["flat_fee"] is None:
            yield row.problem(
                "unit_price", "there is neither unit_price nor flat_fee; 0 is a price"
            )
        bound, is_last = row["tier_to"], number == len(rows)
        if bound is None and not is_last:
            what = "only the last tier is open; write where this one ends, and order them"
            yield row.problem("tier_to", what)
        elif bound is not None and is_last:
            yield row.problem("tier_to", "the last tier must be open; leave its tier_to empty")
        if bound is not None:
            if Decimal(bound) <= before:
                yield row.problem("tier_to", f"does not rise above {before}; order the tiers")
            before = Decimal(bound)
