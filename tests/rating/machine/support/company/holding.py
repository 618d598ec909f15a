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


@dataclass
class Stint:
    """[start, end) as the newest version says; `versions` are those that tell of it."""

    start: datetime
    end: datetime
    known_end: datetime | None
    versions: list[Version]


def stints(history: History) -> list[Stint]:
    """Another start is a correction, unless the stint before had ended by then: that one stays."""
    found: list[Stint] = []
    for version in history.versions:
        start, end = version.values["started_at"], _end(history, version)
        last = found[-1] if found else None
        known_end = end if end < FOREVER else None
        if last is None:
            found.append(Stint(start, end, known_end, [version]))
        elif start != last.start and last.known_end is not None and start >= last.known_end:
            last.end = last.known_end
            found.append(Stint(start, end, known_end, [version]))
        else:
            last.start, last.end = start, end
            last.known_end = known_end or last.known_end
            last.versions.append(version)
    if history.newest.is_deleted:
        found[-1].end = min(found[-1].end, history.newest.valid_from)
    return [stint for stint in found if stint.start < stint.end]


def _end(history: History, version: Version) -> datetime:
    """Cancelled without a day ends where that was first seen."""
    cancelled_at: datetime | None = version.values.get("cancelled_at")
    if cancelled_at is not None:
        return cancelled_at
    if version.values["status"] != "cancelled":
        return FOREVER
    first = version
    for earlier in reversed(history.versions[: history.versions.index(version)]):
        if earlier.values["status"] != "cancelled":
            break
        first = earlier
    return first.dated


def spoken(history: History) -> list[tuple[datetime, datetime, Version]]:
    """From when until when each version counts; a stint's first one counts from its start."""
    starts = {id(stint.versions[0]): stint.start for stint in stints(history)}
    starts.pop(id(history.versions[0]), None)
    since = [starts.get(id(version), version.valid_from) for version in history.versions]
    until = [min(since[number:], default=FOREVER) for number in range(1, len(since) + 1)]
    return list(zip(since, until, history.versions, strict=True))


def spoken_at(history: History, instant: datetime) -> Version:
    return next(one for since, _, one in reversed(spoken(history)) if since <= instant)


def pieces(history: History, policy: Policy) -> list[Piece]:
    """What was held, in order, plans and trial told apart."""
    held: list[Piece] = []
    counting = {id(version): (since, until) for since, until, version in spoken(history)}
    for stint in stints(history):
        trial_end = stint.versions[-1].values.get("trial_ends_at")
        for version in stint.versions:
            since, until = counting[id(version)]
            left, right = max(stint.start, since), min(stint.end, until)
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
