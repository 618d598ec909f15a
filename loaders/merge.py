"""From staging into raw, in the caller's transaction. Three temporary tables flow in; changed raw
rows flow out.

`load_stage` holds rows that keep the contract, `load_rejects` rows that break it, `load_keys` every
key of the source where a sweep is due. A row that did not change is not written: neither its
version nor its page moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg2 import sql
from psycopg2.extensions import cursor

from loaders.contracts import Table
from loaders.errors import ShrinkRefused
from loaders.history import log_changes
from loaders.relations import column_definitions, names_list, relation

SMALLEST_LOSS_GUARDED = 3
# Where less than one row in so many is staged, looking keys up beats reading the table.
PART_WORTH_AN_INDEX = 8


@dataclass(frozen=True)
class Merged:
    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True)
class ShrinkGuard:
    """How much of a table may vanish in one load before a person has to say so."""

    max_percent: int
    is_off: bool = False

    def check(self, table: Table, lost: int, live: int) -> None:
        allowed = max(SMALLEST_LOSS_GUARDED, live * self.max_percent // 100)
        if self.is_off or lost == 0 or (lost <= allowed and lost < live):
            return
        raise ShrinkRefused(
            f"{table.source}.{table.source_name} lost {lost} of {live} rows since the last"
            f" load, more than"
            f" {self.max_percent} %: nothing of this was loaded. If that is right, allow it once:"
            " `billing load --allow-shrink`"
        )


def make_stage(cur: cursor, table: Table) -> None:
    """Empty temporary tables for one table's load; they go with the transaction."""
    cur.execute("drop table if exists pg_temp.load_stage, pg_temp.load_rejects, pg_temp.load_keys")
    cur.execute(
        sql.SQL(
            "create temporary table load_stage ({}) on commit drop;"
            " create temporary table load_rejects (row_key text, reason text, row jsonb) on"
            " commit drop;"
            " create temporary table load_keys (key {}) on commit drop"
        ).format(column_definitions(table.columns), sql.SQL(table.key.raw_type))
    )


def preview(cur: cursor, table: Table) -> Merged:
    """What `merge` would do, without doing it."""
    cur.execute(
        sql.SQL(
            "select count(*) filter (where r.{key} is null),"
            " count(*) filter (where r.{key} is not null and {differs}), count(*)"
            " from load_stage as s left join {raw} as r on r.{key} = s.{key}"
        ).format(**_parts(table))
    )
    return _merged(cur)


def merge(cur: cursor, table: Table, run_id: str, seen_at: datetime) -> Merged:
    """Insert new rows, overwrite changed and come-back ones, leave the rest alone."""
    # The join needs to know the key; the other columns are only compared.
    key = sql.Identifier(table.key.name)
    cur.execute(sql.SQL("analyze load_stage ({})").format(key))
    _prefer_index(cur, table)
    if table.logged_columns:
        log_changes(cur, table, _edited(table), is_withdrawn=False, seen_at=seen_at, run_id=run_id)
    cur.execute(
        sql.SQL(
            """
            with merged as (
                insert into {raw} as r ({columns}, _run_id, _loaded_at, _deleted_at)
                select {staged}, {run_id}, now(), null
                from load_stage as s
                left join {raw} as r on r.{key} = s.{key}
                where r.{key} is null or {differs}
                on conflict ({key}) do update set ({columns}, _run_id, _loaded_at, _deleted_at)
                    = ({excluded}, excluded._run_id, excluded._loaded_at, null)
                returning (xmax = 0) as is_created
            )
            select count(*) filter (where is_created), count(*) filter (where not is_created),
                (select count(*) from load_stage)
            from merged
            """
        ).format(**_parts(table), run_id=sql.Literal(run_id))
    )
    merged = _merged(cur)
    cur.execute("reset enable_hashjoin; reset enable_mergejoin")
    return merged


def _prefer_index(cur: cursor, table: Table) -> None:
    """Look a small part of the table up by its key, instead of reading all of it for a join.

    The planner does not know that staged keys are neighbours, whose pages are read once.
    """
    cur.execute(
        "select (select reltuples from pg_class where oid = 'pg_temp.load_stage'::regclass) * %s"
        " < (select reltuples from pg_class where oid = %s::regclass)",
        (PART_WORTH_AN_INDEX, f'"{table.schema}"."{table.name}"'),
    )
    if (cur.fetchone() or (False,))[0]:
        cur.execute("set local enable_hashjoin = off; set local enable_mergejoin = off")


def count_vanished(cur: cursor, table: Table, keys: str, guard: ShrinkGuard) -> int:
    """Live raw rows whose key is not in `keys`; raises ShrinkRefused where that is too many."""
    column = sql.Identifier("key" if keys == "load_keys" else table.key.name)
    cur.execute(sql.SQL("analyze {} ({})").format(sql.SQL(keys), column))
    cur.execute(
        sql.SQL(
            "select count(*) from {raw} as r"
            " where r._deleted_at is null and not exists ({known}) and not exists ({rejected})"
        ).format(**_parts(table), **_key_parts(table, keys))
    )
    (lost,) = cur.fetchone() or (0,)
    live = live_rows(cur, table) if lost else 0
    guard.check(table, lost, live)
    return int(lost)


def mark_vanished(cur: cursor, table: Table, keys: str, run_id: str, seen_at: datetime) -> None:
    if table.logged_columns:
        gone = sql.SQL("not exists ({known})").format(**_key_parts(table, keys))
        log_changes(cur, table, gone, is_withdrawn=True, seen_at=seen_at, run_id=run_id)
    cur.execute(
        sql.SQL(
            "update {raw} as r set _deleted_at = now(), _loaded_at = now(), _run_id = {run_id}"
            " where r._deleted_at is null and not exists ({known})"
        ).format(**_parts(table), **_key_parts(table, keys), run_id=sql.Literal(run_id))
    )


def mark_rejected(cur: cursor, table: Table, run_id: str, seen_at: datetime) -> None:
    """A loaded row that breaks the contract now leaves the live rows: raw + rejected = source."""
    if table.logged_columns:
        broken = sql.SQL("exists ({rejected})").format(**_key_parts(table, "load_keys"))
        log_changes(cur, table, broken, is_withdrawn=True, seen_at=seen_at, run_id=run_id)
    cur.execute(
        sql.SQL(
            "update {raw} as r set _deleted_at = now(), _loaded_at = now(), _run_id = {run_id}"
            " where r._deleted_at is null and exists ({rejected})"
        ).format(**_parts(table), **_key_parts(table, "load_keys"), run_id=sql.Literal(run_id))
    )


def _edited(table: Table) -> sql.Composed:
    return sql.SQL(
        "exists (select from load_stage as s where s.{key} = r.{key}"
        " and ({staged}) is distinct from ({raw}))"
    ).format(
        key=sql.Identifier(table.key.name),
        staged=names_list(table.logged_columns, "s"),
        raw=names_list(table.logged_columns, "r"),
    )


def missing_keys(cur: cursor, table: Table) -> list[str | int]:
    """Keys of the source that neither raw nor this load has: they came in under the watermark."""
    cur.execute(
        sql.SQL(
            "select k.key from load_keys as k"
            " where not exists (select from {raw} as r where r.{key} = k.key and r._deleted_at"
            " is null)"
            " and not exists (select from load_stage as s where s.{key} = k.key)"
            " and not exists (select from load_rejects as x where x.row_key = k.key::text)"
        ).format(**_parts(table))
    )
    return [row[0] for row in cur.fetchall()]


def live(table: Table) -> sql.Composed:
    """A query of the rows that raw shows."""
    return sql.SQL("select {columns} from {raw} where _deleted_at is null").format(**_parts(table))


def live_after_sweep(table: Table) -> sql.Composed:
    """A query of the rows that raw will show when this load is merged."""
    return sql.SQL(
        "select {columns} from {raw} as r where _deleted_at is null and exists ({known})"
        " and not exists ({rejected})"
        " and not exists (select from load_stage as s where s.{key} = r.{key})"
        " union all select {columns} from load_stage"
    ).format(**_parts(table), **_key_parts(table, "load_keys"))


def live_rows(cur: cursor, table: Table) -> int:
    cur.execute(
        sql.SQL("select count(*) from {} where _deleted_at is null").format(relation(table))
    )
    row = cur.fetchone()
    return int(row[0]) if row else 0


def is_empty(cur: cursor, table: Table) -> bool:
    cur.execute(sql.SQL("select not exists (select from {})").format(relation(table)))
    row = cur.fetchone()
    return bool(row and row[0])


def _merged(cur: cursor) -> Merged:
    row = cur.fetchone()
    created, updated, staged = row if row else (0, 0, 0)
    return Merged(int(created), int(updated), int(staged - created - updated))


def _parts(table: Table) -> dict[str, sql.Composable]:
    names = table.column_names
    return {
        "raw": relation(table),
        "key": sql.Identifier(table.key.name),
        "columns": names_list(names),
        "staged": names_list(names, "s"),
        "excluded": names_list(names, "excluded"),
        "differs": sql.SQL("(({}) is distinct from ({}) or r._deleted_at is not null)").format(
            names_list(names, "r"), names_list(names, "s")
        ),
    }


def _key_parts(table: Table, keys: str) -> dict[str, sql.Composable]:
    """`known`: the row's key is among `keys`; `rejected`: it is among this load's rejects."""
    key = sql.Identifier(table.key.name)
    column = sql.SQL("key") if keys == "load_keys" else key
    return {
        "known": sql.SQL("select from {} as k where k.{} = r.{}").format(
            sql.SQL(keys), column, key
        ),
        "rejected": sql.SQL("select from load_rejects as x where x.row_key = r.{}::text").format(
            key
        ),
    }
