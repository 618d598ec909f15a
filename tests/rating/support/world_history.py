"""What the loaders keep of a change, for a world whose raw rows a test writes by hand.

In: a session and the instant at which the world's load looked at its sources. Out: versions and
logged changes in schema `snapshots`, by the loaders' own functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from loaders.history import log_changes, record
from loaders.tables import ALL

RUN = "test"
LAST_HOUR = timedelta(hours=1)
LAST_LOAD = timedelta(minutes=59)


def load_before(as_of: datetime, loads: int) -> datetime:
    """Loads without an instant of their own happen in the hour before `as_of`, a minute apart."""
    return as_of - LAST_HOUR + min(timedelta(minutes=loads), LAST_LOAD)


def record_history(cursor: Cursor, tables: Sequence[str], seen_at: datetime) -> None:
    """Versions of the raw tables named (schema.name; all where none is), every row compared."""
    for table in ALL:
        if not tables or f"{table.schema}.{table.name}" in tables:
            record(cursor, table, seen_at=seen_at, run_id=RUN, every_row=True)


def log_former(
    cursor: Cursor, name: str, key: Any, values: Mapping[str, Any], seen_at: datetime
) -> None:
    """Before `values` overwrite a row: what it was, where its table logs changes."""
    (table,) = (table for table in ALL if f"{table.schema}.{table.name}" == name)
    changed = [column for column in table.logged_columns if column in values]
    is_withdrawn = values.get("_deleted_at") is not None
    if not (changed or (is_withdrawn and table.logged_columns)):
        return
    rows = sql.SQL("r.id = {}").format(sql.Literal(key))
    if not is_withdrawn:
        differs = [
            sql.SQL("r.{} is distinct from {}").format(
                sql.Identifier(column), sql.Literal(values[column])
            )
            for column in changed
        ]
        rows = sql.SQL("{} and ({})").format(rows, sql.SQL(" or ").join(differs))
    log_changes(cursor, table, rows, is_withdrawn=is_withdrawn, seen_at=seen_at, run_id=RUN)
