"""The judge of the fault schedules: what was approved, what the ledger says, and what Odoo holds.

In: the lines and taxes of a schedule, and its world after a clean run. Out: every difference, by
what it would mean for a customer, and a table of faults and outcomes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fault_table import Seen, fault_table
from publishing_world import World

from publishers.taxes import TaxableLine, document_totals

if TYPE_CHECKING:
    from fault_schedule import Schedule

# What can go wrong, in the order of the table's columns. `as approved`: published although it was
# changed or revoked before the claim. `disagree`: ledger and Odoo, or a run that ended badly.
OUTCOMES = ("duplicate", "lost", "wrong total", "not as approved", "disagree")


@dataclass
class Verdict:
    """What the judge found; `problems` must be empty: (outcome, what exactly)."""

    seed: int
    documents: int = 0
    lines: int = 0
    attempts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)


def judge(schedule: Schedule, world: World, verdict: Verdict) -> None:
    """Compare what was approved, what the ledger says and what Odoo holds."""
    ledger = world.query(
        "select document_key, state, odoo_id, expected_untaxed_amount, expected_total_amount,"
        " attempts from ops.publications"
    )
    moves = world.port().search_read(
        "account.move",
        [("ref", "=like", f"{schedule.service}-%")],
        ["ref", "state", "amount_untaxed", "amount_total", "partner_id"],
    )
    verdict.documents = len(ledger)
    verdict.attempts = sum(row[5] for row in ledger)
    verdict.problems += _document_problems(ledger, moves)
    rows = world.query(_PUBLISHED)
    verdict.problems += _line_problems(schedule, rows)
    verdict.problems += _total_problems(schedule, rows)


def _document_problems(
    ledger: Sequence[tuple[Any, ...]], moves: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, str]]:
    found = {(move["ref"], move["id"]): move for move in moves}
    expected = {(row[0], row[2]) for row in ledger}
    for key in set(found) - expected:
        yield "duplicate", f"Odoo holds what the ledger does not know: {key}"
    for key in expected - set(found):
        yield "lost", f"Odoo does not hold {key}"
    for row in ledger:
        if row[1] != "confirmed":
            yield "disagree", f"not confirmed: {row[:2]}"
        move = found.get((row[0], row[2]))
        if move and (row[3], row[4]) != _totals_of(move):
            yield "wrong total", f"{row} and in Odoo {_totals_of(move)}"


def _totals_of(move: dict[str, Any]) -> tuple[Decimal, Decimal]:
    return Decimal(str(move["amount_untaxed"])), Decimal(str(move["amount_total"]))


_PUBLISHED = """
select
    document_key, line_key, content_hash, amount, tax_ids,
    (
        select decision from ops.line_approvals as said
        where said.line_key = published.line_key and said.content_hash = published.content_hash
            and decided_at < claimed_at
        order by approval_id desc limit 1
    ),
    expected_untaxed_amount, expected_tax_amount,
    (
        select changed.content_hash from marts.line_changes as changed
        where changed.line_key = published.line_key and at < claimed_at
        order by at desc limit 1
    )
from ops.publication_lines as published
inner join ops.publications using (document_key)
"""


def _line_problems(
    schedule: Schedule, rows: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[str, str]]:
    first = {row["line_key"]: row["content_hash"] for row in schedule.lines}
    counts = Counter(row[1] for row in rows)
    for key, count in counts.items():
        if count > 1:
            yield "duplicate", f"published {count} times: line {key}"
    for key in first.keys() - counts.keys():
        yield "lost", f"approved and never published: line {key}"
    for row in rows:
        if row[5] != "approve":
            yield "not as approved", f"published unapproved: line {row[1]}"
        if row[2] != (row[8] or first[row[1]]):
            yield "not as approved", f"published as it was before a change: line {row[1]}"


def _total_problems(
    schedule: Schedule, rows: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[str, str]]:
    by_document: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_document.setdefault(row[0], []).append(row)
    for key, members in by_document.items():
        totals = document_totals(
            [TaxableLine(Decimal(1), row[3], tuple(row[4])) for row in members],
            schedule.taxes,
            "round_globally",
        )
        if (totals.untaxed, totals.tax) != members[0][6:8]:
            yield "wrong total", f"frozen with wrong totals: {key}"


def table(verdicts: Sequence[Verdict]) -> str:
    """Faults and outcomes for people: a row counts what happened in schedules with that fault."""
    seen = [
        Seen(v.faults, {"documents": v.documents}, Counter(outcome for outcome, _ in v.problems))
        for v in verdicts
    ]
    lines = sum(verdict.lines for verdict in verdicts)
    requests = sum(verdict.attempts for verdict in verdicts)
    summary = f"{lines} lines were approved; documents travelled {requests} times."
    return f"{fault_table(seen, ('documents',), OUTCOMES)}\n\n{summary}"
