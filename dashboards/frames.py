"""The one way from a mart to a pandas DataFrame: exact amounts, aware instants.

In: rows of the warehouse, or a query of it. Out: a DataFrame in which an amount is a Decimal (dtype
object), a count Int64, a flag boolean, an instant UTC; an empty value is empty, never NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

Row = Mapping[str, Any]


def frame(rows: Sequence[Row], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows as a DataFrame. Raises TypeError for a float and for an instant without a zone."""
    names = list(columns if columns is not None else (rows[0] if rows else ()))
    return pd.DataFrame({name: _column(name, [row.get(name) for row in rows]) for name in names})


def read(conn: Connection, query: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """What a query of marts and serving answers, as a DataFrame; its columns, without rows too."""
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(query, parameters)
        columns = [column.name for column in cursor.description or ()]
        return frame(cursor.fetchall(), columns)


def records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A DataFrame as rows of Python's own values; what is empty is None."""
    names = [str(name) for name in table.columns]
    columns = [
        [None if _is_empty(each) else each for each in table[name].tolist()] for name in names
    ]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _is_empty(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT


def _column(name: str, values: list[Any]) -> pd.Series[Any]:
    kinds = {type(value) for value in values if value is not None}
    if float in kinds:
        raise TypeError(f"{name} has floats: an amount must come as numeric")
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    if kinds == {int}:
        return pd.Series(values, dtype="Int64")
    if kinds and kinds <= {datetime, pd.Timestamp}:
        if any(value is not None and value.tzinfo is None for value in values):
            raise TypeError(f"{name} has instants without a zone: it must be timestamptz")
        return pd.Series(pd.to_datetime(pd.Series(values, dtype=object), utc=True))
    return pd.Series(values, dtype=object)


def total(amounts: pd.Series[Any]) -> Decimal:
    """The exact sum of amounts; nothing adds up to 0."""
    return sum((amount for amount in amounts if not _is_empty(amount)), Decimal(0))
