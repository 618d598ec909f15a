"""Is Odoo as tables_odoo.py says? A logged-in port flows in; the fields to read of each model flow
out, or problems.

What this Odoo lacks (Community, a module that is not installed, a right that this user has not) is
a note: the column stays NULL, the table empty. What it had at an earlier load and lacks now is a
problem: it would erase data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from psycopg2 import sql
from psycopg2.extensions import connection

from connections import odoo_users
from connections.errors import OdooAccessError, OdooModelMissing
from connections.odoo import Domain, OdooPort
from loaders.contracts import ODOO_RAW_TYPES, Table
from loaders.errors import Problem
from loaders.odoo_retry import retrying
from loaders.options import LoadOptions
from loaders.relations import relation

# Archived records are records: prices and partners of old invoices are among them.
CONTEXT = {"active_test": False}


@dataclass
class OdooFound:
    """`fields`: table name -> the listed fields that exist here; a table that is absent here is not
    in it.
    """

    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def look(
    port: OdooPort, target: connection, tables: Sequence[Table], options: LoadOptions
) -> OdooFound:
    """Ask fields_get, and whether rows may be read, for every model. Reads one id of each."""
    found = OdooFound()
    for table in tables:
        reason, kinds = _kinds(port, table, options)
        if reason:
            _note_absent(found, target, table, reason, options)
        else:
            _compare(found, target, table, kinds, options)
    target.rollback()
    return found


def _kinds(port: OdooPort, table: Table, options: LoadOptions) -> tuple[str, dict[str, str]]:
    """Why the model cannot be read, or the types of the listed fields that exist."""
    model = table.source_name
    try:
        answer = retrying(
            options.settings, lambda: port.fields_get(model, table.column_names, ["type"])
        )
        retrying(options.settings, lambda: port.search(model, [], limit=1))
    except OdooModelMissing:
        return "is not installed in this Odoo", {}
    except OdooAccessError:
        return f"may not be read by {odoo_users.name(options.settings)}", {}
    return "", {name: str(attributes["type"]) for name, attributes in answer.items()}


def _note_absent(
    found: OdooFound, target: connection, table: Table, reason: str, options: LoadOptions
) -> None:
    if _holds(target, table, table.key.name) and not options.allow_shrink:
        fix = "give the module or the right back, or keep what was loaded: `--allow-shrink`"
        found.problems.append(
            Problem("odoo", table.source_name, "", "a model that was loaded before", reason, fix)
        )
    else:
        found.notes.append(
            f"{table.source_name} {reason}: {table.schema}.{table.name} stays as it is"
        )


def _compare(
    found: OdooFound, target: connection, table: Table, kinds: dict[str, str], options: LoadOptions
) -> None:
    absent = []
    for column in table.columns:
        kind = kinds.get(column.name)
        if kind is None:
            absent.append(column.name)
        elif ODOO_RAW_TYPES.get(kind) != column.raw_type:
            fix = "change loaders/tables_odoo.py and the staging model"
            found.problems.append(
                Problem("odoo", table.source_name, column.name, column.source_type, kind, fix)
            )
    for name in absent:
        if _holds(target, table, name) and not options.allow_shrink:
            fix = "give the module or the right back, or let it become NULL: `--allow-shrink`"
            found.problems.append(
                Problem(
                    "odoo", table.source_name, name, "a field that was loaded before", "none", fix
                )
            )
    if absent:
        found.notes.append(f"{table.source_name} lacks {', '.join(absent)} here: loaded as NULL")
    found.fields[table.name] = tuple(name for name in table.column_names if name in kinds)


def _holds(target: connection, table: Table, column: str) -> bool:
    """Does some live row hold a value in this column?"""
    with target.cursor() as cur:
        cur.execute("select to_regclass(%s) is not null", (f"{table.schema}.{table.name}",))
        if not (cur.fetchone() or (False,))[0]:
            return False
        cur.execute(
            sql.SQL(
                "select exists (select from {} where {} is not null and _deleted_at is null)"
            ).format(relation(table), sql.Identifier(column))
        )
        return bool((cur.fetchone() or (False,))[0])


def count(port: OdooPort, model: str, domain: Domain = ()) -> int:
    """How many records the user sees, archived ones included."""
    return int(port.execute(model, "search_count", list(domain), context=CONTEXT))


def greatest_write_date(port: OdooPort, model: str) -> datetime | None:
    """When the model was written last, to the second."""
    newest = port.search_read(
        model, [], ["write_date"], order="write_date desc", limit=1, context=CONTEXT
    )
    if not newest or not newest[0]["write_date"]:
        return None
    return datetime.fromisoformat(newest[0]["write_date"]).replace(tzinfo=UTC)
