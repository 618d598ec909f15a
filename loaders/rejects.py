"""ops.rejected_rows. The temporary table load_rejects flows in; open and resolved rejections flow
out.

Every load reads the rows of open rejections again, wherever the watermark stands: a row that was
fixed at the source comes back by itself, also where fixing it moved no watermark.
"""

from __future__ import annotations

from psycopg2.extensions import cursor

from loaders.contracts import Table

NULL_KEY = "null:"


def open_keys(cur: cursor, table: Table) -> list[str]:
    """Keys of the open rejections that have a key."""
    cur.execute(
        "select row_key from ops.rejected_rows where source = %s and table_name = %s and"
        " resolved_at is null"
        " and row_key not like %s",
        (table.source, table.name, f"{NULL_KEY}%"),
    )
    return [row[0] for row in cur.fetchall()]


def record(cur: cursor, table: Table, run_id: str) -> int:
    """Open what is new, refresh what is still broken, resolve what is not. Returns how many are
    open now.

    Right only when load_rejects holds every open rejection that is still broken: the callers
    re-read them all.
    """
    scope = {"source": table.source, "table": table.name, "run_id": run_id}
    cur.execute(
        "update ops.rejected_rows as o set resolved_at = now() where o.source = %(source)s"
        " and o.table_name = %(table)s and o.resolved_at is null"
        " and not exists (select from load_rejects as x where x.row_key = o.row_key)",
        scope,
    )
    cur.execute(
        'insert into ops.rejected_rows as o (source, table_name, row_key, reason, "row", run_id)'
        " select %(source)s, %(table)s, row_key, reason, row, %(run_id)s from load_rejects"
        " on conflict (source, table_name, row_key) where resolved_at is null do update"
        ' set reason = excluded.reason, "row" = excluded.row, run_id = excluded.run_id,'
        " last_rejected_at = now()",
        scope,
    )
    return cur.rowcount


def count_open(cur: cursor, table: Table) -> int:
    cur.execute(
        "select count(*) from ops.rejected_rows where source = %s and table_name = %s and"
        " resolved_at is null",
        (table.source, table.name),
    )
    row = cur.fetchone()
    return int(row[0]) if row else 0
