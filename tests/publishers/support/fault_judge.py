"""The judge of the fault schedules: what was approved, what the ledger says, and what Odoo holds.

In: the lines and taxes of a schedule, and its world after a clean run. Out: every difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from publishing_world import World

from publishers.taxes import TaxableLine, document_totals

if TYPE_CHECKING:
    from fault_schedule import Schedule


@dataclass
class Verdict:
    """What the judge found; all but `documents` and `lines` must be nothing."""

    seed: int
    documents: int = 0
    lines: int = 0
    attempts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


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
    found = {(move["ref"], move["id"]): move for move in moves}
    expected = {(row[0], row[2]) for row in ledger}
    verdict.problems += [f"not confirmed: {row[:2]}" for row in ledger if row[1] != "confirmed"]
    verdict.problems += [f"duplicate or unknown in Odoo: {key}" for key in set(found) - expected]
    verdict.problems += [f"lost in Odoo: {key}" for key in expected - set(found)]
    verdict.problems += [
        f"wrong total: {row}"
        for row in ledger
        if (row[0], row[2]) in found and (row[3], row[4]) != _totals_of(found[row[0], row[2]])
    ]
    verdict.problems += _line_problems(schedule, world)


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


def _line_problems(schedule: Schedule, world: World) -> list[str]:
    rows = world.query(_PUBLISHED)
    first = {row["line_key"]: row["content_hash"] for row in schedule.lines}
    problems = [f"published unapproved: {row[1]}" for row in rows if row[5] != "approve"]
    problems += [
        f"published as it was: {row[1]}" for row in rows if row[2] != (row[8] or first[row[1]])
    ]
    counts = Counter(row[1] for row in rows)
    problems += [f"published {n} times: {key}" for key, n in counts.items() if n > 1]
    lost = {row["line_key"] for row in schedule.lines} - set(counts)
    problems += [f"approved and never published: {key}" for key in lost]
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
            problems.append(f"frozen with wrong totals: {key}")
    return problems


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts for people."""
    faults: Counter[str] = Counter()
    for verdict in verdicts:
        faults += verdict.faults
    sums = {
        "schedules": len(verdicts),
        "lines": sum(verdict.lines for verdict in verdicts),
        "documents": sum(verdict.documents for verdict in verdicts),
        "requests": sum(verdict.attempts for verdict in verdicts),
        "schedules with a problem": sum(1 for verdict in verdicts if verdict.problems),
    }
    rows = [*sums.items(), *((f"fault: {name}", n) for name, n in sorted(faults.items()))]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {count:>6}" for name, count in rows)
