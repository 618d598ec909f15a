"""The raw schemas. A warehouse connection flows in; every raw table of tables.py exists when it
returns.

Tables are made empty, so that dbt can always parse and build, whatever a source lacks. A column
that tables.py gained is added to a table that is already there; one whose type changed there is
named, never cast behind anyone's back.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg2 import sql
from psycopg2.extensions import connection, cursor

from loaders.contracts import Table
from loaders.errors import RawTableDiffers
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


def ensure_raw_tables(conn: connection, tables: Sequence[Table] = ALL) -> None:
    """Create what is missing, in the caller's transaction. Raises RawTableDiffers on a column of
    another type.
    """
    with conn.cursor() as cur:
        # `if not exists` still races between two sessions; the lock is let go with the transaction.
        cur.execute("select pg_advisory_xact_lock(hashtext(%s))", (LOCK,))
        existing = _existing_columns(cur, tables)
        for schema in sorted({table.schema for table in tables}):
            cur.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        for table in tables:
            found = existing.get((table.schema, table.name))
            if found is None:
                _create(cur, table)
            else:
                _complete(cur, table, found)


def relation(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def column_definitions(table: Table) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.raw_type))
        for column in table.columns
    )


def _existing_columns(
    cur: cursor, tables: Sequence[Table]
) -> dict[tuple[str, str], dict[str, str]]:
    cur.execute(
        """
        select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname = any(%s) and c.relkind in ('r', 'p')
        """,
        (sorted({table.schema for table in tables}),),
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
        ).format(relation(table), column_definitions(table), sql.Identifier(table.key.name))
    )
    for column in table.indexes:
        cur.execute(
            sql.SQL("create index on {} ({})").format(relation(table), sql.Identifier(column))
        )
    cur.execute(
        sql.SQL("comment on table {} is {}").format(relation(table), sql.Literal(table.description))
    )
    for column, _, comment in BOOKKEEPING:
        cur.execute(
            sql.SQL("comment on column {} is {}").format(
                sql.Identifier(table.schema, table.name, column), sql.Literal(comment)
            )
        )


def _complete(cur: cursor, table: Table, found: dict[str, str]) -> None:
    for column in table.columns:
        if column.name not in found:
            cur.execute(
                sql.SQL("alter table {} add column {} {}").format(
                    relation(table), sql.Identifier(column.name), sql.SQL(column.raw_type)
                )
            )
        elif found[column.name] != _catalog_name(column.raw_type):
            raise RawTableDiffers(table, column, found[column.name])


def _catalog_name(raw_type: str) -> str:
    return "timestamp with time zone" if raw_type == "timestamptz" else raw_type
