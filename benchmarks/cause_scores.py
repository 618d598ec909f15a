"""Were the causes found? The truth of a generated world beside what the warehouse says of it.

In: truth rows of sandbox.faults, rows of marts.fct_reconciliation and of its causes. Out: for each
cause how many were right, claimed wrongly and missed, to the cent; and the keys that differ.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]
Key = tuple[str, datetime]
Claim = tuple[str, Decimal]  # cause, amount

CENT = Decimal("0.01")


@dataclass
class Score:
    """Counts of one cause, over keys of one kind."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> Decimal:
        return _share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> Decimal:
        return _share(self.right, self.right + self.missed)

    def add(self, other: "Score") -> None:
        self.right += other.right
        self.wrong += other.wrong
        self.missed += other.missed


@dataclass
class Scores:
    """Scores by kind of key and cause, and what differs, told key by key."""

    by_cause: dict[tuple[str, str], Score] = field(default_factory=dict)
    keys: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def total(self, kind: str) -> Score:
        """All causes of one kind of key together."""
        score = Score()
        for (own_kind, _), one in self.by_cause.items():
            if own_kind == kind:
                score.add(one)
        return score

    def table(self) -> str:
        """A Markdown table: one row a cause, singles beside pairs."""
        causes = sorted({cause for _, cause in self.by_cause})
        lines = [
            "| cause | single right/wrong/missed | precision | recall "
            "| pair right/wrong/missed | precision | recall |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_table_row(cause, self._beside(cause)) for cause in causes]
        totals = [self.total(kind) for kind in ("single", "pair")]
        return "\n".join([*lines, _table_row("**all**", totals)])

    def _beside(self, cause: str) -> list[Score]:
        return [self.by_cause.get((kind, cause), Score()) for kind in ("single", "pair")]


def score(truth: Sequence[Row], keys: Sequence[Row], causes: Iterable[Row]) -> Scores:
    """Compare; keys that are clean or beyond explanation must have no cause at all."""
    found: dict[Key, set[Claim]] = {}
    for row in causes:
        found.setdefault(_key(row), set()).add((row["cause"], _cents(row["amount"])))
    rows = {_key(row): row for row in keys}
    scores = Scores()
    for one in truth:
        scores.keys[one["kind"]] += 1
        _compare(one, rows.get(_key(one)), found.get(_key(one), set()), scores)
    for key in rows.keys() - {_key(one) for one in truth}:
        scores.differences.append(f"{key[0]} {key[1]:%Y-%m}: a key that the truth does not know")
    return scores


def _compare(one: Row, row: Row | None, claimed: set[Claim], scores: Scores) -> None:
    true = {(cause["cause"], _cents(cause["amount"])) for cause in one["causes"]}
    kind = "pair" if one["kind"] == "pair" else "single"
    for cause, _ in true & claimed:
        _of(scores, kind, cause).right += 1
    for cause, _ in claimed - true:
        _of(scores, kind, cause).wrong += 1
    for cause, _ in true - claimed:
        _of(scores, kind, cause).missed += 1
    delta, unexplained = _sides(row)
    if true != claimed or (delta, unexplained) != (
        _cents(one["delta_amount"]),
        _cents(one["unexplained_amount"]),
    ):
        scores.differences.append(
            f"{one['external_subscription_id']} {one['period_start']:%Y-%m} ({one['kind']}): truth"
            f" delta {one['delta_amount']}, {_told(one)}; found delta {delta}, {sorted(claimed)},"
            f" unexplained {unexplained}"
        )


def _sides(row: Row | None) -> tuple[Decimal, Decimal]:
    """A key without an amount on any side has no row, and nothing to explain."""
    if row is None:
        return Decimal(0), Decimal(0)
    return _cents(row["delta_amount"]), _cents(row["unexplained_amount"])


def _told(one: Row) -> str:
    return ", ".join(
        f"{cause['cause']}/{cause['variant']} {cause['amount']}" for cause in one["causes"]
    )


def _of(scores: Scores, kind: str, cause: str) -> Score:
    return scores.by_cause.setdefault((kind, cause), Score())


def _key(row: Row) -> Key:
    return row["external_subscription_id"], row["period_start"]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT)


def _share(part: int, whole: int) -> Decimal:
    return Decimal(100) if whole == 0 else (Decimal(100) * part / whole).quantize(Decimal("0.1"))


def _table_row(name: str, scores: Sequence[Score]) -> str:
    cells = [name]
    for one in scores:
        counts = f"{one.right}/{one.wrong}/{one.missed}"
        cells += [counts, f"{one.precision} %", f"{one.recall} %"]
    return f"| {' | '.join(cells)} |"
