"""Bulk inserts for the seed: dicts in, COPY out.

Flows in: rows per model, with ids of their own. Flows out: stamped rows, in one COPY a table.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor

from sandbox.odoo_standin.registry import Registry

ADMIN_ID = 2


class Inserter:
    """Writes rows of models, all stamped with the administrator and the transaction's start."""

    def __init__(self, cursor: Cursor, registry: Registry) -> None:
        self.cursor = cursor
        self.registry = registry
        cursor.execute("select now() at time zone 'utc'")
        row = cursor.fetchone()
        self._now = row[0] if row else None

    def __call__(self, model: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; columns that a row leaves out are empty."""
        if not rows:
            return
        fields = self.registry.model(model).fields
        stamp = {
            "create_uid": ADMIN_ID, "write_uid": ADMIN_ID,
            "create_date": self._now, "write_date": self._now,
        }  # fmt: skip
        names = list(dict.fromkeys([*(name for row in rows for name in row), *stamp]))
        empty: dict[str, Any] = {
            name: [] for name in names
            if name in fields and (fields[name].column_type or "").endswith("[]")
        }  # fmt: skip
        text = io.StringIO()
        for row in rows:
            filled = {**empty, **row, **stamp}
            text.write("\t".join(_cell(filled.get(name)) for name in names) + "\n")
        text.seek(0)
        table = self.registry.model(model).table
        self.cursor.copy_expert(f"copy {table} ({', '.join(names)}) from stdin", text)

    def external_ids(self, model: str, named: Iterable[tuple[str, int]]) -> None:
        """Name records, as data files of Odoo's modules do: never overwritten by an import."""
        rows = []
        for name, record_id in named:
            module, _, rest = name.partition(".")
            rows.append(
                {
                    "module": module,
                    "name": rest,
                    "model": model,
                    "res_id": record_id,
                    "noupdate": True,
                }
            )
        self("ir.model.data", rows)

    def restart_identities(self) -> None:
        """Let new records count on from the highest id that was given."""
        for model in self.registry.models.values():
            self.cursor.execute(
                f"select setval(pg_get_serial_sequence(%s, 'id'), greatest(max(id), 1)) "
                f"from {model.table} having max(id) is not null",
                (model.table,),
            )


def _cell(value: Any) -> str:
    """Return a value in COPY's text format."""
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list):
        return "{" + ",".join(str(item) for item in value) + "}"
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def utc_text(moment: datetime) -> str:
    """Return an aware UTC time as Odoo keeps it: without a zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")
