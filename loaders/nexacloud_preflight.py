"""Is a service's database as tables.py says? A read-only session flows in; what is known of each
table flows out, or problems.

One look at the catalogues answers for all tables at once, before a single row is read: tables,
columns, types, grants, row-level security, and which index the incremental read can use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from psycopg2.extensions import connection, cursor

from loaders.contracts import Column, Table
from loaders.errors import Problem

# Below this a sequential read is as good as an index.
ROWS_WORTH_AN_INDEX = 10_000

CATALOGUE = """
select
    c.relname, c.oid::bigint, greatest(c.reltuples, 0)::bigint, c.relkind,
    row_security_active(c.oid),
    a.attname, format_type(a.atttypid, a.atttypmod), t.typtype, a.attnotnull,
    has_column_privilege(c.oid, a.attnum, 'select'),
    exists (
        select from pg_index as i
        where i.indrelid = c.oid and i.indisvalid and i.indpred is null and i.indkey[0] = a.attnum
    )
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type as t on t.oid = a.atttypid
where n.nspname = %s and c.relname = any(%s) and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by c.relname, a.attnum
"""


@dataclass(frozen=True)
class FoundColumn:
    kind: str
    is_enum: bool
    is_nullable: bool
    is_readable: bool
    leads_an_index: bool


@dataclass
class FoundTable:
    """A table as its catalogue shows it. `rows` is the planner's estimate."""

    rows: int
    is_filtered: bool
    columns: dict[str, FoundColumn] = field(default_factory=dict)

    def advice(self, schema: str, table: Table) -> str:
        """The index to ask the admin for, or nothing."""
        watermark = table.watermark
        column = self.columns.get(watermark or "")
        if column is None or column.leads_an_index or self.rows < ROWS_WORTH_AN_INDEX:
            return ""
        return (
            f"{table.source_name} has no index on {watermark}, so each load reads it whole"
            f" (about {self.rows:,} rows):"
            f" ask its admin for `create index concurrently on {schema}.{table.source_name}"
            f" ({watermark}, {table.key.name})`"
        )


@dataclass
class NexacloudFound:
    """What the preflight knows: each table, problems that stop a load, notes that do not.

    `horizon`: no transaction that this snapshot does not see began before it, as far as the role
    may know; the overlap is for the rest. `seen_at`: the instant of the snapshot, by the source's
    own clock; nothing in it was written later.
    """

    horizon: datetime
    seen_at: datetime
    tables: dict[str, FoundTable]
    problems: list[Problem]
    notes: list[str]


def look(conn: connection, schema: str, tables: Sequence[Table]) -> NexacloudFound:
    """Compare the catalogue with the list, in the snapshot that the load will use.

    Reads no row of any table and raises nothing about them: the caller decides.
    """
    with conn.cursor() as cur:
        # Read in a transaction before the snapshot: who begins later cannot have begun earlier.
        horizon = _horizon(cur)
        conn.rollback()
        seen_at = _seen_at(cur)
        role, problems = _role(cur, schema, tables[0].source)
        found = _catalogue(cur, schema, tables)
    notes: list[str] = []
    for table in tables:
        there = found.get(table.source_name)
        if there is None:
            problems.append(_missing_table(schema, role, table))
            continue
        problems += _table_problems(schema, role, table, there)
        notes += _new_columns(table, there)
        if advice := there.advice(schema, table):
            notes.append(advice)
    return NexacloudFound(horizon, seen_at, found, problems, notes)


def _horizon(cur: cursor) -> datetime:
    """Now, or the beginning of the oldest open transaction. A role sees its own; with
    pg_read_all_stats it sees all.
    """
    cur.execute(
        "select least(now(), min(xact_start)) from pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend'"
    )
    (horizon,) = cur.fetchone() or (None,)
    assert horizon is not None  # now() is not null
    return cast(datetime, horizon)


def _seen_at(cur: cursor) -> datetime:
    """The first statement of a repeatable-read transaction takes the snapshot, then reads the
    clock.
    """
    cur.execute("select clock_timestamp()")
    (seen_at,) = cur.fetchone() or (None,)
    return cast(datetime, seen_at)


def _role(cur: cursor, schema: str, service: str) -> tuple[str, list[Problem]]:
    """Who we are there, and whether we may enter the schema."""
    cur.execute(
        "select current_user, to_regnamespace(quote_ident(%s)) is null"
        " or has_schema_privilege(quote_ident(%s), 'usage')",
        (schema, schema),
    )
    role, may_enter = cur.fetchone() or ("", False)
    if may_enter:
        return role, []
    fix = f"`grant usage on schema {schema} to {role}`"
    return role, [Problem(service, schema, "", "USAGE granted", "no right to enter", fix)]


def _catalogue(cur: cursor, schema: str, tables: Sequence[Table]) -> dict[str, FoundTable]:
    cur.execute(CATALOGUE, (schema, [table.source_name for table in tables]))
    found: dict[str, FoundTable] = {}
    for (
        name,
        _,
        rows,
        _,
        filtered,
        column,
        kind,
        typtype,
        notnull,
        readable,
        indexed,
    ) in cur.fetchall():
        there = found.setdefault(name, FoundTable(rows, filtered))
        there.columns[column] = FoundColumn(kind, typtype == "e", not notnull, readable, indexed)
    return found


def _missing_table(schema: str, role: str, table: Table) -> Problem:
    variable = table.source.upper()
    return Problem(
        table.source,
        table.source_name,
        "",
        f"a table in schema {schema}",
        "no such table",
        f"check {variable}_DSN and {variable}_SCHEMA, or change loaders/tables.py if"
        f" {table.source} renamed it; role {role}"
        f" also needs `grant usage on schema {schema}`",
    )


def _table_problems(schema: str, role: str, table: Table, there: FoundTable) -> list[Problem]:
    name = f"{schema}.{table.source_name}"
    present = [column for column in table.columns if column.name in there.columns]
    if present and not any(there.columns[column.name].is_readable for column in present):
        fix = f"`grant select on {name} to {role}`"
        return [
            Problem(table.source, table.source_name, "", "SELECT granted", "no right to read", fix)
        ]
    problems = []
    if there.is_filtered:
        fix = f"`alter role {role} bypassrls`, or a policy that shows it every row"
        problems.append(
            Problem(
                table.source, table.source_name, "", "all rows visible", "row-level security", fix
            )
        )
    for column in table.columns:
        problem = _column_problem(name, role, table, column, there)
        if problem:
            problems.append(problem)
    return problems


def _column_problem(
    name: str, role: str, table: Table, column: Column, found_table: FoundTable
) -> Problem | None:
    there = found_table.columns.get(column.name)
    if there is None:
        new = ", ".join(_unlisted(table, found_table))
        found, fix = (
            f"no such column (not in the list: {new})" if new else "no such column",
            f"change loaders/tables.py and the staging model if {table.source} changed it",
        )
    elif not fits(column.source_type, there):
        found, fix = (
            there.kind,
            f"change loaders/tables.py and the staging model if {table.source} changed it",
        )
    elif not there.is_readable:
        found, fix = "no right to read", f"`grant select ({column.name}) on {name} to {role}`"
    else:
        return None
    return Problem(table.source, table.source_name, column.name, column.source_type, found, fix)


def fits(expected: str, there: FoundColumn) -> bool:
    """The same type, or one whose every value arrives unchanged: varchar or an enum for text, fewer
    digits.
    """
    found = there.kind.replace("timestamp with time zone", "timestamptz")
    if expected == "text":
        return found == "text" or found.startswith("character varying") or there.is_enum
    if expected.startswith("numeric") and found.startswith("numeric("):
        precision, scale = _digits(expected)
        found_precision, found_scale = _digits(found)
        return found_scale <= scale and found_precision - found_scale <= precision - scale
    return found == expected


def _digits(numeric: str) -> tuple[int, int]:
    precision, scale = re.findall(r"\d+", numeric)
    return int(precision), int(scale)


def _unlisted(table: Table, there: FoundTable) -> list[str]:
    return sorted(set(there.columns) - set(table.column_names))


def _new_columns(table: Table, there: FoundTable) -> list[str]:
    new = _unlisted(table, there)
    if not new:
        return []
    return [
        f"{table.source_name} has columns that are not loaded: {', '.join(new)}"
        f" (loaders/tables.py names what is)"
    ]
