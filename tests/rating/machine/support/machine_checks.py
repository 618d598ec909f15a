"""The laws that are checked after every night, of one company.

In: what is right, and what the warehouse holds. Out: a sentence for each thing that is wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from company.oracle import Expected, Key
from company.story import Row

GRACE = timedelta(days=2)


@dataclass(frozen=True)
class Fault:
    place: int
    night: int
    at: datetime
    text: str

    def __str__(self) -> str:
        return f"night {self.night} ({self.at:%Y-%m-%d}): {self.text}"


@dataclass
class Found:
    """What stands in the warehouse for one company, ids as the story has them."""

    published: list[Row] = field(default_factory=list)
    proposed: list[Row] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)


def differences(truth: Expected, found: Found, as_of: datetime, zone: str) -> Iterator[str]:
    billed, offered = _sums(found.published), _sums(found.proposed)
    overlaps = set(_overlaps(truth, found))
    overlapping = {key for pair in overlaps for key in pair}
    # A rated period is held as one, in all currencies that it has: the exception names the period.
    together = {(key[:2], key[3]) for key, _ in overlaps}
    for key in sorted({*truth.amounts, *billed, *offered}):
        right = truth.amounts.get(key, Decimal(0))
        stands = billed.get(key, Decimal(0)) + offered.get(key, Decimal(0))
        is_held = key in overlapping or (key[:2], key[3]) in together
        if is_held or key[0] in truth.troubled:
            if stands not in (right, billed.get(key, Decimal(0))):
                yield f"{_name(key)}: {stands} stands, right is {right}, or it is held"
        elif stands != right:
            yield (
                f"{_name(key)}: right is {right}, published {billed.get(key, 0)},"
                f" proposed {offered.get(key, 0)}"
            )
    yield from _billed_twice(truth, found, overlaps)
    yield from _wrong_lines(truth, found, as_of, zone)
    yield from _wrong_exceptions(truth, found)


def _name(key: Key) -> str:
    return f"{key[0]} {key[1]} {key[2]} from {key[3].astimezone(UTC):%Y-%m-%d %H:%MZ}"


def key_of(line: Row) -> Key:
    return line["subscription"], line["charge"], line["currency"], line["rated_start"]


def _sums(lines: list[Row]) -> dict[Key, Decimal]:
    sums: dict[Key, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[key_of(line)] += line["amount"]
    return sums


def _overlaps(truth: Expected, found: Found) -> Iterator[tuple[Key, Key]]:
    """Service time (first) that was billed under another period start (second)."""
    for line in found.published:
        other = key_of(line)
        for key, end in truth.ends.items():
            apart = truth.held_from[key] >= line["service_period_end"] or end <= other[3]
            if key[:2] == other[:2] and key[3] != other[3] and not apart:
                yield key, other


def _billed_twice(truth: Expected, found: Found, overlaps: set[tuple[Key, Key]]) -> Iterator[str]:
    """While the billed period is not corrected, its time is offered under no other."""
    billed = _sums(found.published)
    offered = {key_of(line) for line in found.proposed}
    for key, other in sorted(overlaps):
        is_corrected = billed[other] == truth.amounts.get(other, Decimal(0))
        if key not in billed and key in offered and not is_corrected:
            yield f"{_name(key)} is offered; its time was billed as {_name(other)}"


def _wrong_lines(truth: Expected, found: Found, as_of: datetime, zone: str) -> Iterator[str]:
    billed = _sums(found.published)
    payers: dict[Key, set[str]] = defaultdict(set)
    for line in found.published:
        payers[key_of(line)].add(line["customer"])
    keys = Counter(line["line_key"] for line in (*found.published, *found.proposed))
    for line in found.proposed:
        key = key_of(line)
        if keys[line["line_key"]] > 1:
            yield f"{_name(key)}: {keys[line['line_key']]} lines carry its line_key"
        if key in billed and line["kind"] != "adjustment":
            yield f"{_name(key)}: billed already, and offered again as {line['kind']}"
        holders = payers[key] if key in billed else truth.holders.get(key, set())
        if holders and line["customer"] not in holders:
            yield f"{_name(key)}: goes to {line['customer']}, who held it: {sorted(holders)}"
        due = line["service_period_end"].astimezone(ZoneInfo(zone)) + GRACE <= as_of
        if due != line["is_billable"]:
            yield f"{_name(key)}: billable {line['is_billable']}, its time says {due}"


def _wrong_exceptions(truth: Expected, found: Found) -> Iterator[str]:
    for number in sorted(truth.left_out - found.left_out):
        yield f"usage {number} is in no line, and in no exception"
    for number in sorted(found.left_out - truth.left_out):
        yield f"usage {number} is an exception, but belongs to a line"
    for name, why in sorted(truth.troubled.items()):
        if name not in found.held:
            yield f"{name}: no exception says: {why}"
