"""The statements that read NexaCloud. A table of the list flows in; SELECTs and COPYs flow out. No
I/O here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2 import sql
from psycopg2.sql import Composable

from loaders.contracts import Table

EVERYTHING = sql.SQL("true")


@dataclass(frozen=True)
class Window:
    """Which rows an incremental load reads: from `since` on, above `above_key`, and `again`
    wherever they stand.
    """

    since: datetime
    above_key: int | None
    again: Sequence[str]


def copy_valid(schema: str, table: Table, where: Composable) -> sql.Composed:
    """Rows of `where` that keep the contract, in the raw types, as COPY BINARY."""
    return sql.SQL(
        "copy (select {columns} from {table} where ({where}) and ({broken}) is not true) to"
        " stdout (format binary)"
    ).format(
        columns=selected(table), table=source(schema, table), where=where, broken=broken(table)
    )


def copy_rejected(
    schema: str, table: Table, where: Composable, *, keyless: bool = True
) -> sql.Composed:
    """Rows of `where` that break the contract: key, first broken rule, the row as JSON.

    A row without a key is named by its own hash, so that it keeps its name from load to load. Such
    rows are read wherever the watermark stands, unless `keyless` is off.
    """
    key = sql.Identifier(table.key.name)
    where = sql.SQL("({}) or {} is null").format(where, key) if keyless else where
    return sql.SQL(
        """
        copy (
            select
                coalesce(
                    s.{key}::text,
                    'null:' || md5(s::text) || ':' || row_number() over (partition by s::text)
                ),
                case {reasons} end,
                to_jsonb(s)
            from (select {plain} from {table} where ({where}) and ({broken}) is true) as s
        ) to stdout (format binary)
        """
    ).format(
        key=key,
        reasons=sql.SQL(" ").join(
            sql.SQL("when {} then {}").format(sql.SQL(rule.broken), sql.Literal(rule.reason))
            for rule in table.rules
        ),
        plain=names(table),
        table=source(schema, table),
        where=where,
        broken=broken(table),
    )


def copy_keys(schema: str, table: Table) -> sql.Composed:
    key = sql.Identifier(table.key.name)
    return sql.SQL(
        "copy (select {key}::{kind} from {table} where {key} is not null) to stdout (format binary)"
    ).format(key=key, kind=sql.SQL(table.key.raw_type), table=source(schema, table))


def totals(
    schema: str, table: Table, where: Composable, values: Iterable[Composable]
) -> sql.Composed:
    """Count, greatest watermark that is not in the future, and `values` (aggregates), over the
    valid rows of `where`.
    """
    return sql.SQL(
        "select count(*), max({watermark}) filter (where {watermark} <= now()){values} from {table}"
        " where ({where}) and ({broken}) is not true"
    ).format(
        watermark=sql.Identifier(table.watermark or table.key.name),
        values=sql.SQL("").join(sql.SQL(", {}").format(value) for value in values),
        table=source(schema, table),
        where=where,
        broken=broken(table),
    )


def in_window(table: Table, window: Window) -> sql.Composed:
    """The incremental predicate: each part can use an index of its own."""
    watermark, key = sql.Identifier(table.watermark or ""), sql.Identifier(table.key.name)
    parts: list[Composable] = [
        sql.SQL("{} >= {}").format(watermark, sql.Literal(window.since)),
        sql.SQL("{} is null").format(watermark),
    ]
    if window.above_key is not None:
        parts.append(sql.SQL("{} > {}").format(key, sql.Literal(window.above_key)))
    if window.again:
        parts.append(among(table, window.again))
    return sql.SQL(" or ").join(parts)


def among(table: Table, keys: Sequence[str | int]) -> sql.Composed:
    return sql.SQL("{} = any({}::{}[])").format(
        sql.Identifier(table.key.name),
        sql.Literal([str(key) for key in keys]),
        sql.SQL(table.key.source_type),
    )


def source(schema: str, table: Table) -> sql.Identifier:
    return sql.Identifier(schema, table.source_name)


def names(table: Table) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, table.column_names))


def selected(table: Table) -> sql.Composed:
    """The columns in their raw types. Casting text to text is free; an enum and a uuid become text
    here.
    """
    return sql.SQL(", ").join(
        sql.SQL("{}::text").format(sql.Identifier(column.name))
        if column.raw_type == "text"
        else sql.Identifier(column.name)
        for column in table.columns
    )


def broken(table: Table) -> sql.Composed:
    return sql.SQL(" or ").join(
        sql.SQL("({})").format(sql.SQL(rule.broken)) for rule in table.rules
    )
