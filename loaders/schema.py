"""The raw schemas and the history beside them. A warehouse connection flows in; every table of
tables.py exists when it returns.

Tables are made empty, so that dbt can always parse and build, whatever a source lacks. A column
that tables.py gained is added to a table that is already there; one whose type changed there is
named, never cast behind anyone's back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg2 import sql
from psycopg2.extensions import connection, cursor

from loaders.contracts import Column, Table
from loaders.errors import RawTableDiffers
from loaders.history_upgrade import begin_history
from loaders.relations import (
    HISTORY_SCHEMA,
    column_definitions,
    history_columns,
    history_relation,
    relation,
)
from loaders.tables import ALL

LOCK = "fusion_billing.raw_schema"

BOOKKEEPING = (
    ("_run_id", "text", "Which run wrote this version of the row."),
    (
        "_loaded_at",
        "timestamptz",
        "When this version was written; also when it was marked deleted.",
    ),
    ("_deleted_at", "timestamptz", "When the row was found to be gone from its source."),
)

# The comment of a raw column whose rows were loaded before the column was listed, or before the
# source had it: the next load that can read it reads its table whole.
NOT_FILLED = "Not filled yet: the next load reads the table whole."

VERSION_COLUMNS = (
    ("_version", "bigint not null", "Which version of the row this is, from 1."),
    (
        "_seen_at",
        "timestamptz not null",
        "The instant of the load's view of the source in which this version was first seen.",
    ),
    ("_valid_from", "timestamptz not null", "From when this version counts."),
    ("_valid_until", "timestamptz", "Until when; empty in the newest version."),
    ("_is_deleted", "boolean not null", "The row is gone; its last known values are kept."),
    ("_run_id", "text not null", "Which run wrote this version."),
)
CHANGE_COLUMNS = (
    ("_change_id", "bigint generated always as identity primary key", "Number of the change."),
    ("_is_withdrawn", "boolean not null", "The record is gone, or breaks the contract now."),
    (
        "_changed_at",
        "timestamptz not null",
        "The instant of the load's view of the source in which the change was first seen.",
    ),
    ("_run_id", "text not null", "Which run saw the change."),
)


def ensure_raw_tables(conn: connection, tables: Sequence[Table] = ALL) -> None:
    """Create what is missing, in the caller's transaction. Raises RawTableDiffers on a column of
    another type.
    """
    with conn.cursor() as cur:
        # `if not exists` still races between two sessions; the lock is let go with the transaction.
        cur.execute("select pg_advisory_xact_lock(hashtext(%s))", (LOCK,))
        schemas = sorted({HISTORY_SCHEMA, *(table.schema for table in tables)})
        existing = _existing_columns(cur, schemas)
        for schema in schemas:
            cur.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        for table in tables:
            found = existing.get((table.schema, table.name))
            if found is None:
                _create(cur, table)
            else:
                added = _complete(cur, table, relation(table), table.columns, found)
                mark_unfilled(cur, table, added, is_filled=False)
            _ensure_indexes(cur, table)
            known = existing.get((HISTORY_SCHEMA, table.history_name))
            _ensure_history(cur, table, known)
            if table.is_versioned and found is not None and known is None:
                begin_history(cur, table)


def unfilled_columns(cur: cursor, table: Table) -> set[str]:
    """Columns that rows which are already there do not have yet."""
    cur.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and col_description(attrelid, attnum) = %s",
        (f'"{table.schema}"."{table.name}"', NOT_FILLED),
    )
    return {name for (name,) in cur.fetchall()}


def mark_unfilled(cur: cursor, table: Table, columns: Iterable[str], *, is_filled: bool) -> None:
    """Remember, or forget, that `columns` are not filled yet; in the caller's transaction."""
    for column in columns:
        cur.execute(
            sql.SQL("comment on column {} is {}").format(
                sql.Identifier(table.schema, table.name, column),
                sql.Literal(None if is_filled else NOT_FILLED),
            )
        )


def _existing_columns(cur: cursor, schemas: Sequence[str]) -> dict[tuple[str, str], dict[str, str]]:
    cur.execute(
        """
        select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname = any(%s) and c.relkind in ('r', 'p')
        """,
        (list(schemas),),
    )
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, name, column, kind in cur.fetchall():
        found.setdefault((schema, name), {})[column] = kind
    return found


def _create(cur: cursor, table: Table) -> None:
    cur.execute(
        sql.SQL(
            "create table {} ({}, _run_id text not null, _loaded_at timestamptz not null,"
            " _deleted_at timestamptz, primary key ({}))"
        ).format(
            relation(table),
            column_definitions(table.columns),
            sql.Identifier(table.key.name),
        )
    )
    _comment(cur, table.schema, table.name, table.description, BOOKKEEPING)


def _ensure_indexes(cur: cursor, table: Table) -> None:
    """Looked for by name first: `if not exists` would wait for whoever writes to the table."""
    for index in table.indexes:
        name = f"{table.name}_{index.name}_idx"
        cur.execute("select to_regclass(%s)", (f'"{table.schema}"."{name}"',))
        if cur.fetchone() == (None,):
            cur.execute(
                sql.SQL("create index {} on {} ({})").format(
                    sql.Identifier(name),
                    relation(table),
                    sql.SQL(", ".join(f"({expression})" for expression in index.expressions)),
                )
            )


def _ensure_history(cur: cursor, table: Table, found: dict[str, str] | None) -> None:
    """Versions of a table that is overwritten; a log of changes beside one that should not be."""
    if not table.has_history:
        return
    columns, target = history_columns(table), history_relation(table)
    if found is not None:
        _complete(cur, table, target, columns, found)
        return
    more = VERSION_COLUMNS if table.is_versioned else CHANGE_COLUMNS
    cur.execute(
        sql.SQL("create table {} ({}, {})").format(
            target,
            column_definitions(columns),
            sql.SQL(", ".join(f"{name} {kind}" for name, kind, _ in more)),
        )
    )
    key = sql.Identifier(table.key.name)
    if table.is_versioned:
        cur.execute(
            sql.SQL(
                "alter table {table} add primary key ({key}, _version);"
                " create index on {table} ({key}) where _valid_until is null"
            ).format(table=target, key=key)
        )
    about = "Every version of" if table.is_versioned else "What was edited or withdrawn in"
    description = f"{about} {table.schema}.{table.name}. Never rebuilt: back it up with ops."
    _comment(cur, HISTORY_SCHEMA, table.history_name, description, more)


def _comment(
    cur: cursor,
    schema: str,
    name: str,
    description: str,
    columns: Sequence[tuple[str, str, str]],
) -> None:
    target, text = sql.Identifier(schema, name), sql.Literal(description)
    cur.execute(sql.SQL("comment on table {} is {}").format(target, text))
    for column, _, comment in columns:
        cur.execute(
            sql.SQL("comment on column {} is {}").format(
                sql.Identifier(schema, name, column), sql.Literal(comment)
            )
        )


def _complete(
    cur: cursor,
    table: Table,
    target: sql.Identifier,
    columns: Sequence[Column],
    found: dict[str, str],
) -> list[str]:
    """Add what is missing; return which columns that were."""
    added = []
    for column in columns:
        if column.name not in found:
            cur.execute(
                sql.SQL("alter table {} add column {} {}").format(
                    target, sql.Identifier(column.name), sql.SQL(column.raw_type)
                )
            )
            added.append(column.name)
        elif found[column.name] != _catalog_name(column.raw_type):
            raise RawTableDiffers(table, column, found[column.name])
    return added


def _catalog_name(raw_type: str) -> str:
    return "timestamp with time zone" if raw_type == "timestamptz" else raw_type
