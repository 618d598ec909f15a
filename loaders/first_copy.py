"""The first copy into an empty raw table: straight in, without staging, indexes built after. Rows
flow from source to raw.

The table is truncated in the same transaction although it is empty: a server that keeps no WAL for
replicas then writes none for these rows either, and the rows can come in frozen, so that whoever
reads them first does not write every page once more. Its identity stays, so the views that dbt
built on it stay too.
"""

from __future__ import annotations

from collections.abc import Callable

from psycopg2 import sql
from psycopg2.extensions import cursor
from psycopg2.sql import Composable

from loaders.contracts import Table
from loaders.pipe import Copied, pipe_copy
from loaders.relations import relation


def copy_into_empty(
    reader: cursor,
    writer: cursor,
    table: Table,
    copy_out: Composable,
    run_id: str,
    watch: Callable[[int], None] | None,
) -> Copied:
    """COPY into the table itself; the bookkeeping columns are filled by defaults that last as long
    as the copy.
    """
    raw = relation(table)
    writer.execute(sql.SQL("truncate {}").format(raw))
    indexes = _drop_indexes(writer, table)
    writer.execute(
        sql.SQL(
            "alter table {} alter column _run_id set default {}, alter column _loaded_at set"
            " default now()"
        ).format(raw, sql.Literal(run_id))
    )
    columns = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
    copied = pipe_copy(
        reader,
        copy_out,
        writer,
        sql.SQL("copy {} ({}) from stdin (format binary, freeze)").format(raw, columns),
        watch,
    )
    writer.execute(
        sql.SQL(
            "alter table {} alter column _run_id drop default, alter column _loaded_at drop default"
        ).format(raw)
    )
    for statement in indexes:
        writer.execute(statement)
    return copied


def _drop_indexes(writer: cursor, table: Table) -> list[Composable]:
    """Drop the primary key and the indexes; return the statements that make them again."""
    raw = relation(table)
    writer.execute(
        "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), c.conname,"
        " pg_get_constraintdef(c.oid) from pg_index as i"
        " left join pg_constraint as c on c.conindid = i.indexrelid and c.contype in ('p', 'u')"
        " where i.indrelid = %s::regclass",
        (f'"{table.schema}"."{table.name}"',),
    )
    again: list[Composable] = []
    for name, definition, constraint, constraint_definition in writer.fetchall():
        if constraint:
            drop = sql.SQL("alter table {} drop constraint {}")
            writer.execute(drop.format(raw, sql.Identifier(constraint)))
            add = sql.SQL("alter table {} add constraint {} {}")
            again.append(
                add.format(raw, sql.Identifier(constraint), sql.SQL(constraint_definition))
            )
        else:
            writer.execute(sql.SQL("drop index {}").format(sql.SQL(name)))
            again.append(sql.SQL(definition))
    return again
