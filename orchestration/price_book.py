"""A proposed price book, put in the place of the one in git under a prefix of its own.

Flows in: CSV files with the columns of the seeds charges and charge_tiers. Flows out: the prefixed
seed tables hold them instead. What a file says wrong is named with its line and column.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from psycopg2 import DataError, sql
from psycopg2.extensions import connection

from connections.settings import Settings
from orchestration.errors import CommandError

CHARGES, TIERS = "charges", "charge_tiers"
REQUIRED = {CHARGES: ("service", "plan_code", "charge_model", "currency"), TIERS: ("service",)}


def check(files: Mapping[str, Path]) -> None:
    """Raise CommandError where a file's header is not a seed's; needs no warehouse."""
    for table, path in files.items():
        header = _header(path)
        missing = [name for name in REQUIRED[table] if name not in header]
        if missing:
            raise CommandError(f"{path.name}: column {', '.join(missing)} is missing")


def replace(conn: connection, settings: Settings, files: Mapping[str, Path]) -> None:
    """Put the files' rows in the place of the seeds'; without a file of tiers there are none."""
    schema = settings.schema("staging")
    with conn.cursor() as cursor:
        for table in (CHARGES, TIERS):
            relation = sql.Identifier(schema, table)
            cursor.execute(sql.SQL("truncate {}").format(relation))
            if table in files:
                _copy(conn, schema, table, files[table])


def _copy(conn: connection, schema: str, table: str, path: Path) -> None:
    header = _header(path)
    with conn.cursor() as cursor:
        unknown = sorted(set(header) - _columns(conn, schema, table))
        if unknown:
            raise CommandError(f"{path.name}: there is no column {', '.join(unknown)} in {table}")
        statement = sql.SQL("copy {} ({}) from stdin with (format csv, header)").format(
            sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, header))
        )
        try:
            with path.open(encoding="utf-8-sig") as rows:
                cursor.copy_expert(statement, rows)
        except DataError as error:
            where = (error.diag.context or "").removeprefix("COPY ")
            raise CommandError(f"{path.name}: {error.diag.message_primary} ({where})") from None


def _columns(conn: connection, schema: str, table: str) -> set[str]:
    with conn.cursor() as cursor:
        cursor.execute(
            "select column_name from information_schema.columns"
            " where table_schema = %s and table_name = %s",
            (schema, table),
        )
        return {name for (name,) in cursor}


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as rows:
        return [name.strip() for name in next(csv.reader(rows), [])]
