"""Closing a month: what was true then is kept, and a later difference shows against it.

In: the sheet of a month from the build in use, what of the month still waits, a person. Out: a row
of ops.month_closings; the server stamps who, when and from which build. Today's sheet against a
closed one is a list of differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from connections.builds import Build, in_use
from publishers.identities import look_from, speak_for
from publishers.ledger import lock_claims
from publishers.month_end import PARTS, Part, Row, Sheet, ask, sheet
from publishers.unfinished import Waiting, waiting

# Closing a month again adds a row: the latest is in force.
IN_FORCE = """
    select closing_id, month, sheet, waited, despite, note, build_id, build_status, as_of,
        closed_by, closed_at
    from ops.month_closings
    where month = %(month)s
    order by closing_id desc
    limit 1
"""


class ClosingError(ValueError):
    """A month that cannot be closed so, and how to fix it."""


@dataclass(frozen=True)
class Closing:
    """What was true when a month was closed."""

    closing_id: int
    month: date
    sheet: Sheet
    waited: Sequence[str]
    despite: str | None
    note: str | None
    build_id: int
    build_status: str
    as_of: datetime
    closed_by: str
    closed_at: datetime

    @property
    def sentence(self) -> str:
        """Who closed it, when, from which build, and although what."""
        said = (
            f"closed by {self.closed_by} on {self.closed_at:%Y-%m-%d %H:%M} UTC, build"
            f" {self.build_id} as of {self.as_of:%Y-%m-%d %H:%M} UTC"
        )
        return (
            f"{said}; although {len(self.waited)} waited: {self.despite}" if self.despite else said
        )


@dataclass(frozen=True)
class Difference:
    """A figure of the sheet that is not what it was when the month was closed."""

    part: str
    row: str
    figure: str
    currency: str | None
    closed: Decimal
    now: Decimal

    def as_row(self) -> Row:
        """For tables and machines."""
        return {**asdict(self), "difference": self.now - self.closed}


@dataclass(frozen=True)
class MonthSeen:
    """A month as the build in use shows it."""

    month: date
    build: Build
    sheet: Sheet
    waiting: Sequence[Waiting]
    closed: Closing | None

    @property
    def differences(self) -> list[Difference]:
        """Against the closing in force; none where the month was never closed."""
        return list(differences(self.closed.sheet, self.sheet)) if self.closed else []


def look(conn: Connection, marts: str, month: date) -> MonthSeen:
    """The sheet, what waits, and the closing in force; the caller pins the build.

    Raises ClosingError where the month is not closed and could not be.
    """
    build = in_use(conn, marts)
    if build is None:
        raise ClosingError("no build is in use: run `billing run`, then close the month")
    closed = closing(conn, month)
    if closed is None:
        _refuse_unless_over(conn, marts, month, build)
    found = sheet(conn, marts, month)
    if closed is None and not any(found[name] for name in ("sides", "lines", "documents")):
        raise ClosingError(
            f"nothing of {month:%Y-%m} was rated, invoiced or billed: `billing reconcile` lists the"
            " months that there are"
        )
    return MonthSeen(month, build, found, waiting(conn, marts, month), closed)


def close(
    conn: Connection,
    marts: str,
    month: date,
    *,
    by: str,
    despite: str | None = None,
    note: str | None = None,
) -> MonthSeen:
    """Keep the month as it is at this moment: no decision and no claim comes in between.

    Raises ClosingError where the month is closed already, or something waits, and `despite` does
    not say why that may be.
    """
    if not by.strip():
        raise ClosingError("a closing needs a name: say who closes")
    with conn.cursor() as cursor:
        lock_claims(cursor)
        speak_for(cursor, by)
        look_from(cursor, marts)
        seen = look(conn, marts, month)
        _refuse_unless_over(conn, marts, month, seen.build)
        reasons = obstacles(seen)
        if reasons and not (despite or "").strip():
            raise ClosingError(_not_yet(month, reasons))
        cursor.execute(
            "insert into ops.month_closings (month, sheet, waited, despite, note)"
            " values (%s, %s, %s, %s, %s)",
            (
                month,
                Json(kept(seen.sheet)),
                Json(reasons),
                (despite or "").strip() or None,
                note,
            ),
        )
    return MonthSeen(month, seen.build, seen.sheet, seen.waiting, closing(conn, month))


def obstacles(seen: MonthSeen) -> list[str]:
    """Why the month should not be closed now, each with what ends it."""
    again = []
    if seen.closed:
        again = [
            f"it is closed already, by {seen.closed.closed_by}: `billing close-month"
            f" {seen.month:%Y-%m}` shows what differs since"
        ]
    return [*again, *(each.sentence for each in seen.waiting)]


def closing(conn: Connection, month: date) -> Closing | None:
    """The closing in force: the latest of the month."""
    found = ask(conn, "marts", IN_FORCE, month)
    return Closing(**found[0]) if found else None


def differences(closed: Sheet, now: Sheet) -> Iterator[Difference]:
    """Each figure of each part of the month that is another one; what is missing counts as zero."""
    today = kept(now)
    for part in PARTS:
        if part.keys:
            yield from _differences(part, closed.get(part.name, []), today[part.name])


def kept(found: Sheet) -> dict[str, list[Row]]:
    """The sheet without numbers that a reader of JSON could take for floats."""
    return {name: [_plain(row) for row in rows] for name, rows in found.items()}


def _differences(part: Part, closed: list[Row], now: list[Row]) -> Iterator[Difference]:
    before, after = _by_key(part, closed), _by_key(part, now)
    for key in dict.fromkeys([*before, *after]):
        then, today = before.get(key, {}), after.get(key, {})
        for column in part.figures:
            was, is_now = _figure(then, column.name), _figure(today, column.name)
            if was != is_now:
                currency = (today or then).get("currency") if column.kind == "money" else None
                said = ", ".join(value for value in key if value)
                yield Difference(part.title, said, column.label, currency, was, is_now)


def _by_key(part: Part, rows: list[Row]) -> dict[tuple[str, ...], Row]:
    return {tuple(str(row.get(name) or "") for name in part.keys): row for row in rows}


def _figure(row: Row, name: str) -> Decimal:
    return Decimal(row.get(name) or 0)


def _plain(row: Row) -> Row:
    return {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date | datetime) else value


def _refuse_unless_over(conn: Connection, marts: str, month: date, build: Build) -> None:
    """A build that failed, and a month that no build saw the end of, are closed by nobody."""
    if build.failed_at is not None:
        raise ClosingError(
            f"nothing is closed while the last build failed ({build.sentence}): `billing ui` shows"
            " why; run `billing run`, then close the month"
        )
    [row] = ask(conn, marts, _ENDS, month)
    if row["ends_at"] is None or row["ends_at"] > build.as_of:
        raise ClosingError(
            f"{month:%Y-%m} is not over in the build in use, which looks from"
            f" {build.as_of:%Y-%m-%d %H:%M} UTC: run `billing run` after its last day"
        )


def _not_yet(month: date, reasons: Sequence[str]) -> str:
    listed = "\n".join(f"  - {reason}" for reason in reasons)
    return (
        f"{month:%Y-%m} is not closed:\n{listed}\n"
        'fix it, or say why it may be closed all the same: --despite "REASON"'
    )


_ENDS = """
    select max((%(month)s::date + interval '1 month')::timestamp at time zone timezone) as ends_at
    from {marts}.dim_services
"""
