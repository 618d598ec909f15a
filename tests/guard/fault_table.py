"""Faults and outcomes as a table for people.

In: what happened in each schedule: how often which fault, how much was at stake, which laws were
broken. Out: a row a fault, which counts the schedules that had it, and a last row of them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """One schedule: faults by name, what was at stake by column, broken laws by outcome."""

    faults: Counter[str]
    at_stake: Mapping[str, int]
    outcomes: Counter[str]


def fault_table(schedules: Sequence[Seen], stakes: Sequence[str], outcomes: Sequence[str]) -> str:
    """Columns: the fault, how often, in how many schedules, what was at stake, each outcome."""
    rows = [("fault", "times", "schedules", *stakes, *outcomes)]
    for name in sorted({name for seen in schedules for name in seen.faults}):
        among = [seen for seen in schedules if seen.faults[name]]
        times = sum(seen.faults[name] for seen in among)
        rows.append((name, *_counts(among, times, stakes, outcomes)))
    times = sum(seen.faults.total() for seen in schedules)
    rows.append(("all", *_counts(schedules, times, stakes, outcomes)))
    return _aligned(rows)


def _counts(
    among: Sequence[Seen], times: int, stakes: Sequence[str], outcomes: Sequence[str]
) -> tuple[str, ...]:
    at_stake = (sum(seen.at_stake[name] for seen in among) for name in stakes)
    broken = (sum(seen.outcomes[name] for seen in among) for name in outcomes)
    return tuple(str(count) for count in (times, len(among), *at_stake, *broken))


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    )
