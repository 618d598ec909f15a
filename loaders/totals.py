"""Count, sums and a hash over a set of rows, to hold source and copy side by side. A cursor and a
set of rows flow in; `TableTotals` flow out.
"""

from __future__ import annotations

from datetime import datetime

from psycopg2 import sql
from psycopg2.extensions import cursor
from psycopg2.sql import Composable

from loaders import nexacloud_sql
from loaders.contracts import Table
from loaders.report import TableTotals

HASH = "hash of all columns"


def of_source(
    reader: cursor, schema: str, table: Table, where: Composable, *, is_hashed: bool = False
) -> tuple[TableTotals, datetime | None]:
    """Over the source's valid rows of `where`; also their greatest watermark."""
    values = _values(table, is_hashed)
    reader.execute(nexacloud_sql.totals(schema, table, where, values.values()))
    return _read(reader, values)


def of_copy(
    writer: cursor, table: Table, rows: Composable, *, is_hashed: bool = False
) -> TableTotals:
    """Over `rows`, a relation or a query in brackets."""
    values = _values(table, is_hashed)
    writer.execute(
        sql.SQL("select count(*), null{} from {} as here").format(
            sql.SQL("").join(sql.SQL(", {}").format(value) for value in values.values()), rows
        )
    )
    return _read(writer, values)[0]


def _values(table: Table, is_hashed: bool) -> dict[str, Composable]:
    numeric = [column.name for column in table.columns if column.raw_type.startswith("numeric")]
    values: dict[str, Composable] = {
        name: sql.SQL("sum({})").format(sql.Identifier(name)) for name in numeric
    }
    if is_hashed:
        values[HASH] = _hash(table)
    return values


def _hash(table: Table) -> Composable:
    """Sixty bits of each row's md5, added up: the same on every server, in whatever order."""
    columns = sql.SQL(", ").join(
        sql.SQL("{}::{}").format(sql.Identifier(column.name), sql.SQL(column.raw_type))
        for column in table.columns
    )
    return sql.SQL("sum(('x' || left(md5(row({})::text), 15))::bit(60)::bigint)").format(columns)


def _read(cur: cursor, values: dict[str, Composable]) -> tuple[TableTotals, datetime | None]:
    row = cur.fetchone()
    assert row is not None  # an aggregate gives one row
    return TableTotals(row[0], dict(zip(values, row[2:], strict=True))), row[1]
