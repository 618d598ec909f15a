"""The importer's ledger: what we wrote, field by field, what was proposed last, who did what.

In: a warehouse session and proposals. Out: rows of ops.import_rows and ops.import_events. What is
about to be written stands there before it is sent: after a kill the same is sent again.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, execute_values

from publishers import identities
from publishers.importer.judging import KnownRecord, Proposal
from publishers.importer.records import Record


class ImportRefused(RuntimeError):
    """What was asked for is not done; the message names why and what to do."""


@dataclass(frozen=True)
class ImportRun:
    """Who imports. `at` is called at named points, so that a test can break things there."""

    run_id: str
    by: str
    at: Callable[[str], None] = lambda _point: None


@dataclass(frozen=True)
class Event:
    """One step, as ops.import_events keeps it."""

    import_key: str
    kind: str
    title: str
    odoo_id: int | None
    event: str
    changes: Mapping[str, Any]
    reason: str | None = None


def person(conn: Connection, by: str) -> str:
    """The name of the one person that `by` means; raises IdentityError."""
    with conn, conn.cursor() as cursor:
        return identities.resolve(cursor, by)


def read(conn: Connection) -> dict[str, KnownRecord]:
    """What is known, by import key."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select import_key, odoo_id, origin, state, written, unconfirmed, declined"
            " from ops.import_rows"
        )
        return {key: KnownRecord(*row) for key, *row in cursor.fetchall()}


_LOOKED = """
insert into ops.import_rows as known
    (import_key, kind, title, external_id, action, changes, kept, reason)
values %s
on conflict (import_key) do update set
    title = excluded.title, action = excluded.action, changes = excluded.changes,
    kept = excluded.kept, reason = excluded.reason, looked_at = clock_timestamp()
"""


def note_proposals(conn: Connection, proposals: Sequence[Proposal]) -> None:
    """What this look proposes, for the page; keys in one order, so that no two looks deadlock."""
    rows = [
        (
            p.record.import_key, p.record.kind.name, p.record.title, p.record.external_id,
            p.action, Json(dict(p.changes)), Json(dict(p.kept)), p.reason,
        )
        for p in sorted(proposals, key=lambda proposal: proposal.record.import_key)
    ]  # fmt: skip
    with conn, conn.cursor() as cursor:
        execute_values(cursor, _LOOKED, rows, page_size=1000)


# What a run created and did not live to confirm is confirmed by `created`.
_MATCHED = """
update ops.import_rows as known
set odoo_id = given.odoo_id, origin = coalesce(known.origin, 'matched'), state = 'done'
from (values %s) as given (import_key, odoo_id)
where known.import_key = given.import_key and known.state <> 'sending'
    and known.odoo_id is distinct from given.odoo_id
"""


def note_matches(conn: Connection, proposals: Iterable[Proposal]) -> None:
    """Which records of Odoo these are: the next run knows them by id."""
    rows = sorted(
        (p.record.import_key, p.holding.odoo_id) for p in proposals if p.holding is not None
    )
    if rows:
        with conn, conn.cursor() as cursor:
            execute_values(cursor, _MATCHED, rows, "(%s::text, %s::bigint)", page_size=1000)


_SENDING = """
update ops.import_rows as known
set state = 'sending', run_id = %s,
    written = case when known.state = 'sending' then known.written else given.written::jsonb end
from json_to_recordset(%s) as given (import_key text, written json)
where known.import_key = given.import_key and known.state <> 'done'
returning known.import_key, known.written
"""


def start(
    conn: Connection, values: Mapping[str, Mapping[str, str | None]], run: ImportRun
) -> dict[str, Mapping[str, str | None]]:
    """Before records are created: the values to send, and to send again whatever happens now.

    What another run is sending, or died over, is sent as it is: both make the same record.
    """
    given = [{"import_key": key, "written": dict(values[key])} for key in sorted(values)]
    with conn, conn.cursor() as cursor:
        cursor.execute(_SENDING, (run.run_id, json.dumps(given)))
        return {**values, **dict(cursor.fetchall())}


def created(
    conn: Connection, ids: Mapping[str, int], records: Iterable[Record], run: ImportRun
) -> set[str]:
    """Odoo holds them. The keys that this run created; another's are not among them."""
    with conn, conn.cursor() as cursor:
        found = execute_values(
            cursor,
            "update ops.import_rows as known set odoo_id = given.odoo_id, origin = 'created',"
            " state = 'done', written_at = clock_timestamp()"
            " from (values %s) as given (import_key, odoo_id)"
            " where known.import_key = given.import_key and known.state = 'sending'"
            " returning known.import_key, known.written",
            sorted(ids.items()),
            "(%s::text, %s::bigint)",
            page_size=1000,
            fetch=True,
        )
        written = dict(found)
        events = [
            Event(r.import_key, r.kind.name, r.title, ids[r.import_key], "created",
                  {n: {"old": None, "new": v} for n, v in written[r.import_key].items()})
            for r in records if r.import_key in written
        ]  # fmt: skip
        _record(cursor, events, run)
    return set(written)


def given_up(conn: Connection, key: str) -> None:
    """Odoo refused it, so nothing is on its way: the next run proposes it afresh."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "update ops.import_rows set state = 'proposed', written = null"
            " where import_key = %s and state = 'sending'",
            (key,),
        )


def writing(
    conn: Connection, key: str, old: Mapping[str, str | None], new: Mapping[str, str | None]
) -> None:
    """Before fields are written: what Odoo holds is ours, and so is what it may hold soon."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "update ops.import_rows set written = coalesce(written, '{}') || %s,"
            " unconfirmed = unconfirmed || %s where import_key = %s",
            (Json(dict(old)), Json(dict(new)), key),
        )


def wrote(conn: Connection, key: str, values: Mapping[str, str | None]) -> None:
    """These fields of the record are ours as of now."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "update ops.import_rows set written = coalesce(written, '{}') || %s,"
            " unconfirmed = unconfirmed - %s::text[], written_at = clock_timestamp()"
            " where import_key = %s",
            (Json(dict(values)), list(values), key),
        )


def agree(conn: Connection, equal: Mapping[str, Mapping[str, str | None]]) -> None:
    """Fields of ours in which Odoo and the warehouse agree, whoever wrote them."""
    given = [{"import_key": key, "agreed": dict(equal[key])} for key in sorted(equal)]
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "update ops.import_rows as known set written = known.written || given.agreed::jsonb"
            " from json_to_recordset(%s) as given (import_key text, agreed json)"
            " where known.import_key = given.import_key and known.written is not null",
            (json.dumps(given),),
        )


def decide(
    conn: Connection,
    key: str,
    written: Mapping[str, str | None] | None,
    declined: Mapping[str, str | None],
    event: Event,
    run: ImportRun,
) -> None:
    """A person settles a conflict: `written` is the new base; None forgets the record."""
    with conn, conn.cursor() as cursor:
        if written is None:
            cursor.execute(
                "update ops.import_rows set state = 'proposed', odoo_id = null, origin = null,"
                " written = null, declined = '{}' where import_key = %s",
                (key,),
            )
        else:
            cursor.execute(
                "update ops.import_rows set written = coalesce(written, '{}') || %s,"
                " declined = declined || %s where import_key = %s",
                (Json(dict(written)), Json(dict(declined)), key),
            )
        _record(cursor, [event], run)


def note(conn: Connection, events: Sequence[Event], run: ImportRun) -> None:
    """Put steps on record."""
    with conn, conn.cursor() as cursor:
        _record(cursor, events, run)


def events_of(conn: Connection, run_id: str) -> list[Event]:
    """What a run did, in its order."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select import_key, kind, title, odoo_id, event, changes, reason from ops.import_events"
            " where run_id = %s order by event_id",
            (run_id,),
        )
        return [Event(*row) for row in cursor.fetchall()]


def _record(cursor: Any, events: Sequence[Event], run: ImportRun) -> None:
    rows = [
        (
            run.run_id, each.import_key, each.kind, each.title, each.odoo_id, each.event,
            Json(dict(each.changes)), each.reason, run.by,
        )
        for each in events
    ]  # fmt: skip
    if rows:
        execute_values(cursor, _EVENTS, rows, page_size=1000)


_EVENTS = """
insert into ops.import_events
    (run_id, import_key, kind, title, odoo_id, event, changes, reason, done_by)
values %s
"""
