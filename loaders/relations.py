"""Where a table of the list is in the warehouse. A `Table` flows in; SQL names and column lists
flow out. No I/O here.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg2 import sql

from loaders.contracts import Column, Table

HISTORY_SCHEMA = "snapshots"


def relation(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def history_relation(table: Table) -> sql.Identifier:
    return sql.Identifier(HISTORY_SCHEMA, table.history_name)


def history_columns(table: Table) -> tuple[Column, ...]:
    """The table's columns that its history keeps: all, or what a change is logged with."""
    if table.is_versioned:
        return table.columns
    kept = {table.key.name, *table.logged_columns}
    return tuple(column for column in table.columns if column.name in kept)


def column_definitions(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.raw_type))
        for column in columns
    )


def names_list(names: Sequence[str], prefix: str = "") -> sql.Composed:
    """`a, b`, or `r.a, r.b`."""
    return sql.SQL(", ").join(
        sql.Identifier(prefix, name) if prefix else sql.Identifier(name) for name in names
    )
