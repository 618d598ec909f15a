"""History: what the sources overwrite, as it was. Merged raw tables flow in; versions of their rows
flow out, in schema `snapshots`.

Written in the transaction of the merge, so that a version is never lost and never early. Each
version is dated by when it was first seen, unless the source's own time is later than the version
before and than the time that the source gave at the last look: one that stands still, goes back, is
missing or lies in the future rewrites nothing. The first version is what there was when the
warehouse first looked: it reaches back to the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import cursor
from psycopg2.sql import Composable

from loaders.contracts import Table
from loaders.relations import history_columns, history_relation, names_list, relation

# The source's own time of a change, and of a row's beginning.
CHANGED = ("updated_at", "write_date")
CREATED = ("created_at", "create_date")

# Rows that this run wrote, and rejections that this transaction closed: a rejected row is no
# deletion, but it may be gone at the source when it stops being rejected.
THIS_RUN = sql.SQL(
    "(r._run_id = {run_id} or r.{key}::text in ("
    "select row_key from ops.rejected_rows"
    " where source = {source} and table_name = {name} and resolved_at = now()))"
)
EVERY_ROW = sql.SQL("true")

FIRST_VERSIONS = sql.SQL("""
    insert into {history} as h
        ({columns}, _version, _seen_at, _valid_from, _is_deleted, _run_id)
    select {raw_columns}, 1, seen.at,
        case when {first_time} <= seen.at then {first_time} else seen.at end, false, {run_id}
    from {raw} as r
    cross join lateral (select least({gone_at}, {seen_at}) as at) as seen
    where {scope} and not exists (select from {history} as h where h.{key} = r.{key})
""")

# A version never begins before the one before it, whatever the clocks say.
LATER_VERSIONS = sql.SQL("""
    with changed as (
        select r as raw_row, n._version + 1 as version, r._deleted_at is not null as is_gone,
            case
                when r._deleted_at is not null
                    then greatest({gone_at}, n._valid_from + interval '1 microsecond')
                when
                    {own_time} > greatest(n._valid_from, {known_time}) and {own_time} <= {seen_at}
                    then {own_time}
                else greatest({seen_at}, n._valid_from + interval '1 microsecond')
            end as valid_from
        from {raw} as r
        inner join {history} as n on n.{key} = r.{key} and n._valid_until is null
        where {scope} and case
            when r._deleted_at is not null then not n._is_deleted and not {is_rejected}
            else n._is_deleted or ({raw_facts}) is distinct from ({known_facts})
        end
    ),
    closed as (
        update {history} as h set _valid_until = c.valid_from
        from changed as c
        where h.{key} = (c.raw_row).{key} and h._valid_until is null
    )
    insert into {history} ({columns}, _version, _seen_at, _valid_from, _is_deleted, _run_id)
    select {changed_columns}, version, {seen_at}, valid_from, is_gone, {run_id} from changed
""")

# A source time that moved alone is no version, but the next change must be later than it.
SOURCE_TIMES = sql.SQL("""
    update {history} as h set {changed_at} = r.{changed_at}
    from {raw} as r
    where h.{key} = r.{key} and h._valid_until is null and r._deleted_at is null
        and h.{changed_at} is distinct from r.{changed_at} and {scope}
""")

# Where raw was lost and copied anew, what went at the source meanwhile has no row to be marked.
MISSING_ROWS = sql.SQL("""
    with gone as (
        select r as known, greatest({seen_at}, r._valid_from + interval '1 microsecond') as at
        from {history} as r
        where r._valid_until is null and not r._is_deleted and not {is_rejected}
            and not exists (select from {raw} as live where live.{key} = r.{key})
    ),
    closed as (
        update {history} as h set _valid_until = g.at
        from gone as g
        where h.{key} = (g.known).{key} and h._valid_until is null
    )
    insert into {history} ({columns}, _version, _seen_at, _valid_from, _is_deleted, _run_id)
    select {known_columns}, (known)._version + 1, {seen_at}, at, true, {run_id} from gone
""")


def record(
    cur: cursor,
    table: Table,
    *,
    seen_at: datetime,
    run_id: str,
    every_row: bool = False,
    is_late: bool = False,
) -> int:
    """Write what changed since the newest versions; return how many versions that were.

    `seen_at` is the instant at which the source was looked at. Compares the rows that this run
    wrote, or with `every_row` all of raw, as it also does where there is no history yet. `is_late`:
    history begins after raw did, and a deletion keeps the day on which raw marked it. Does nothing
    for a table without versions.
    """
    if not table.is_versioned:
        return 0
    parts = _parts(table, seen_at, run_id)
    scope = EVERY_ROW if every_row or _is_empty(cur, table) else THIS_RUN.format(**parts)
    gone_at = sql.SQL("r._deleted_at") if is_late else parts["seen_at"]
    parts |= {"scope": scope, "gone_at": gone_at}
    written = 0
    statements = [FIRST_VERSIONS, LATER_VERSIONS, *([MISSING_ROWS] if every_row else [])]
    for statement in statements:
        cur.execute(statement.format(**parts))
        written += cur.rowcount
    if parts["changed_at"] is not None:
        cur.execute(SOURCE_TIMES.format(**parts))
    return written


def fill_columns(cur: cursor, table: Table, columns: Iterable[str]) -> None:
    """A column that is read for the first time is no change: versions get what the row has now."""
    names = sorted(columns)
    if not (table.is_versioned and names):
        return
    cur.execute(
        sql.SQL(
            "update {history} as h set ({columns}) = row({raw_columns}) from {raw} as r"
            " where h.{key} = r.{key} and ({known}) is distinct from ({raw_columns})"
        ).format(
            history=history_relation(table),
            columns=names_list(names),
            raw_columns=names_list(names, "r"),
            known=names_list(names, "h"),
            raw=relation(table),
            key=sql.Identifier(table.key.name),
        )
    )


def log_changes(
    cur: cursor,
    table: Table,
    rows: Composable,
    *,
    is_withdrawn: bool,
    seen_at: datetime,
    run_id: str,
) -> None:
    """Keep the former values of live raw rows `r` that `rows` (SQL) says are about to change."""
    columns = [column.name for column in history_columns(table)]
    cur.execute(
        sql.SQL(
            "insert into {log} ({columns}, _is_withdrawn, _changed_at, _run_id)"
            " select {raw_columns}, {is_withdrawn}, {seen_at}, {run_id} from {raw} as r"
            " where r._deleted_at is null and {rows}"
        ).format(
            log=history_relation(table),
            columns=names_list(columns),
            raw_columns=names_list(columns, "r"),
            is_withdrawn=sql.Literal(is_withdrawn),
            seen_at=sql.Literal(seen_at),
            run_id=sql.Literal(run_id),
            raw=relation(table),
            rows=rows,
        )
    )


def _is_empty(cur: cursor, table: Table) -> bool:
    cur.execute(sql.SQL("select not exists (select from {})").format(history_relation(table)))
    return bool((cur.fetchone() or (False,))[0])


def _parts(table: Table, seen_at: datetime, run_id: str) -> dict[str, Any]:
    names = table.column_names
    facts = [name for name in names if name not in CHANGED]
    key = sql.Identifier(table.key.name)
    return {
        "raw": relation(table),
        "history": history_relation(table),
        "key": key,
        "source": sql.Literal(table.source),
        "name": sql.Literal(table.name),
        "seen_at": sql.SQL("{}::timestamptz").format(sql.Literal(seen_at)),
        "run_id": sql.Literal(run_id),
        "columns": names_list(names),
        "raw_columns": names_list(names, "r"),
        "changed_columns": _fields_of("raw_row", names),
        "known_columns": _fields_of("known", names),
        "raw_facts": names_list(facts, "r"),
        "known_facts": names_list(facts, "n"),
        "own_time": _first_of(names, CHANGED),
        "known_time": _first_of(names, CHANGED, "n"),
        "changed_at": next((sql.Identifier(name) for name in CHANGED if name in names), None),
        "first_time": _first_of(names, (*CHANGED, *CREATED)),
        "is_rejected": sql.SQL(
            "exists (select from ops.rejected_rows as x where x.source = {} and x.table_name = {}"
            " and x.row_key = r.{}::text and x.resolved_at is null)"
        ).format(sql.Literal(table.source), sql.Literal(table.name), key),
    }


def _fields_of(row: str, names: Sequence[str]) -> Composable:
    return sql.SQL(", ").join(
        sql.SQL("({}).{}").format(sql.Identifier(row), sql.Identifier(name)) for name in names
    )


def _first_of(names: tuple[str, ...], wanted: tuple[str, ...], row: str = "r") -> Composable:
    """The first of the wanted columns that the table has and the row fills."""
    found = [sql.Identifier(row, name) for name in wanted if name in names]
    return sql.SQL("coalesce({})").format(
        sql.SQL(", ").join([*found, sql.SQL("null::timestamptz")])
    )
