"""Law 5: when a subscription was held, on which plan, in trial or not.

In: the versions of a subscription. Out: pieces of time in their order, each on one plan, cut where
a trial ends; breaks lie between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from company.story import Policy
from company.versions import FOREVER, History, Version

KNOWN_STATUSES = ("active", "trialing", "past_due", "suspended", "cancelled")
UNPAID = ("past_due", "suspended")


@dataclass(frozen=True)
class Piece:
    """[start, end) on one plan."""

    start: datetime
    end: datetime
    plan: str
    is_trial: bool


def stints(history: History) -> list[tuple[datetime, datetime]]:
    """[start, end) as the newest version says it; a stint that ended before the next stays."""
    found: list[tuple[datetime, datetime]] = []
    for version in history.versions:
        start = version.values["started_at"]
        end = _end(history, version)
        while found and start < found[-1][1]:
            found.pop()
        found.append((start, end))
    if history.newest.is_deleted:
        gone_at = history.newest.valid_from
        found = [(start, min(end, gone_at)) for start, end in found]
    return [(start, end) for start, end in found if start < end]


def _end(history: History, version: Version) -> datetime:
    """Where a version says the stint ends: cancelled without a day ends where that was first seen."""
    if version.values.get("cancelled_at") is not None:
        return version.values["cancelled_at"]
    if version.values["status"] != "cancelled":
        return FOREVER
    first = version
    for earlier in reversed(history.versions[: history.versions.index(version)]):
        if earlier.values["status"] != "cancelled" or earlier.values.get("cancelled_at"):
            break
        first = earlier
    return first.dated


def pieces(history: History, policy: Policy) -> list[Piece]:
    """What was held, in order, plans and trial told apart."""
    held: list[Piece] = []
    trial_end = history.newest.values.get("trial_ends_at")
    for start, end in stints(history):
        for version in history.versions:
            left, right = max(start, version.valid_from), min(end, version.valid_until)
            if version.values["status"] in UNPAID and not policy.bill_suspended:
                right = min(right, version.dated)
            held += _cut_at_trial(left, right, version.values["plan_id"], trial_end)
    return held


def _cut_at_trial(
    start: datetime, end: datetime, plan: str, trial_end: datetime | None
) -> list[Piece]:
    middle = start if trial_end is None else min(max(trial_end, start), end)
    cut = [Piece(start, middle, plan, True), Piece(middle, end, plan, False)]
    return [piece for piece in cut if piece.start < piece.end]


def is_held(held: list[Piece], instant: datetime) -> bool:
    return any(piece.start <= instant < piece.end for piece in held)
