"""`billing check`: would a load go well? Settings flow in; findings flow out. Imports and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection, cursor

from connections import odoo_users
from connections.errors import (
    DatabaseUnreachable,
    OdooError,
    OdooPermanentError,
    SettingsError,
)
from connections.odoo import OdooPort
from connections.postgres import service_database, warehouse
from connections.settings import Settings
from loaders import nexacloud_preflight, odoo_preflight
from loaders.contracts import Table
from loaders.errors import LoadError, Problem
from loaders.nexacloud_sql import source as source_table
from loaders.odoo_retry import retrying
from loaders.options import LoadOptions
from loaders.report import CheckReport
from loaders.runs import LastRun, last_run, require_ops
from loaders.sessions import AbsentSession
from loaders.tables import ALL, ODOO, SERVICES, tables_of

APPLICATION_NAME = "fusion_billing.check"
WRITES = ("create", "write", "unlink")

Section = Callable[[Settings, CheckReport], None]
Loaded = dict[Table, LastRun] | None


def check(settings: Settings) -> CheckReport:
    """Connections, rights, tables, columns, row counts, watermark and lag of all sources and the
    warehouse.

    Raises nothing that a source can cause: what is wrong is a finding with status 'problem'.
    """
    report = CheckReport()
    services = ((service, partial(_check_service, service)) for service in SERVICES)
    sections: tuple[tuple[str, Section], ...] = (
        ("warehouse", _check_warehouse),
        *services,
        ("odoo", _check_odoo),
    )
    for source, section in sections:
        try:
            section(settings, report)
        except (SettingsError, DatabaseUnreachable, OdooError, LoadError) as error:
            report.add(source, "connection", "problem", str(error))
        except psycopg2.Error as error:
            report.add(source, "query", "problem", str(error).strip())
    return report


def _check_warehouse(settings: Settings, report: CheckReport) -> None:
    with warehouse(settings, application_name=APPLICATION_NAME) as conn, conn.cursor() as cur:
        cur.execute("select current_user, current_database(), current_setting('server_version')")
        user, database, version = cur.fetchone() or ("", "", "")
        detail = f"{user} on {database}, PostgreSQL {version}"
        report.add("warehouse", "connection", "ok", detail)
        cur.execute("select has_database_privilege(current_database(), 'create')")
        if not (cur.fetchone() or (False,))[0]:
            fix = f"`grant create on database {database} to {user}`"
            report.add("warehouse", "rights", "problem", f"may not create schemas: {fix}")
        require_ops(cur)
        report.add("warehouse", "ops", "ok", "load_runs and rejected_rows are there")
        cur.execute(
            "select source || '.' || table_name, count(*) from ops.rejected_rows"
            " where resolved_at is null group by 1 order by 1"
        )
        for name, rows in cur.fetchall():
            detail = f"{rows:,} open: ops.rejected_rows has them with their reasons"
            report.add("warehouse", f"rejected {name}", "note", detail)


def _check_service(service: str, settings: Settings, report: CheckReport) -> None:
    if AbsentSession.fits(service, settings):
        detail = f"left out: {service.upper()}_DSN is not set"
        report.add(service, "connection", "note", detail)
        return
    tables = tables_of(service)
    opened = service_database(settings, service, application_name=APPLICATION_NAME)
    with opened as conn, conn.cursor() as cur:
        cur.execute("select current_user, current_database(), current_setting('server_version')")
        detail = "{} on {}, PostgreSQL {}".format(*(cur.fetchone() or ("", "", "")))
        report.add(service, "connection", "ok", detail)
        found = nexacloud_preflight.look(conn, settings.source_schema(service), tables)
        _add_problems(report, found.problems)
        for note in found.notes:
            report.add(service, "note", "note", note)
        broken = {problem.table for problem in found.problems}
        loaded = _loaded(settings)
        for table in tables:
            if table.source_name not in broken:
                _check_table(settings, cur, table, loaded, report)
        _check_refusal(service, settings, conn, report)


def _check_table(
    settings: Settings, cur: cursor, table: Table, loaded: Loaded, report: CheckReport
) -> None:
    """How many rows, and how far the warehouse is behind."""
    cur.execute(
        sql.SQL("select count(*), max({}) from {}").format(
            sql.Identifier(table.watermark or table.key.name),
            source_table(settings.source_schema(table.source), table),
        )
    )
    rows, newest = cur.fetchone() or (0, None)
    detail = f"{rows:,} rows, newest {_iso(newest)}; {_lag(loaded, table, newest)}"
    report.add(table.source, table.source_name, "ok", detail)


def _loaded(settings: Settings) -> Loaded:
    """What was loaded so far; None where the warehouse does not answer (it has said so itself)."""
    try:
        with warehouse(settings, application_name=APPLICATION_NAME) as conn, conn.cursor() as cur:
            require_ops(cur)
            return {table: last_run(cur, table) for table in ALL}
    except (SettingsError, DatabaseUnreachable, LoadError):
        return None


def _lag(loaded: Loaded, table: Table, newest: datetime | None) -> str:
    if loaded is None:
        return "loaded so far: unknown"
    watermark = loaded[table].watermark
    if watermark is None:
        return "loaded when it was empty" if loaded[table].swept_at else "not loaded yet"
    behind = max((newest - watermark).total_seconds(), 0.0) if newest else 0.0
    return f"loaded up to {_iso(watermark)}, behind by {behind:,.0f} s"


def _check_refusal(service: str, settings: Settings, conn: connection, report: CheckReport) -> None:
    """The role cannot write, and our session cannot either: shown by trying to delete no row at
    all.
    """
    with conn.cursor() as cur:
        schema = settings.source_schema(service)
        names = [f'"{schema}"."{table.source_name}"' for table in tables_of(service)]
        cur.execute(
            "select name from unnest(%s) as name where to_regclass(name) is not null"
            " and has_table_privilege(name, 'insert, update, delete, truncate')",
            (names,),
        )
        writable = [row[0] for row in cur.fetchall()]
        if writable:
            detail = f"the role may write to {', '.join(writable)}: revoke all but SELECT"
            report.add(service, "rights", "problem", detail)
        else:
            report.add(service, "rights", "ok", "the role may write to none of the tables")
        cur.execute("select pg_has_role('pg_read_all_stats', 'usage')")
        if not (cur.fetchone() or (False,))[0]:
            report.add(service, "open transactions", "note", _trusting(settings))
        cur.execute("savepoint attempt")
        try:
            cur.execute(sql.SQL("delete from {} where false").format(sql.SQL(names[0])))
        except (
            psycopg2.errors.InsufficientPrivilege,
            psycopg2.errors.ReadOnlySqlTransaction,
        ) as error:
            refusal = str(error).strip().splitlines()[0]
            report.add(service, "writes", "ok", f"refused: {refusal}")
        except psycopg2.errors.UndefinedTable:
            report.add(service, "writes", "note", f"not tried: no {names[0]}")
        else:
            report.add(service, "writes", "problem", "a write was not refused: nothing was changed")
        cur.execute("rollback to savepoint attempt")


def _trusting(settings: Settings) -> str:
    return (
        "the role cannot see how long the app's transactions stay open, so a load trusts that none"
        f" takes over {settings.load_overlap_minutes} minutes (LOAD_OVERLAP_MINUTES); grant"
        " pg_read_all_stats to the role, and it need not"
    )


def _check_odoo(settings: Settings, report: CheckReport) -> None:
    port = OdooPort.connect(settings)
    company = f"company {port.company_id}"
    detail = f"version {port.version}, {odoo_users.name(settings)} (uid {port.uid}), {company}"
    report.add("odoo", "connection", "ok", detail)
    with warehouse(settings, application_name=APPLICATION_NAME) as conn:
        options = LoadOptions(settings, run_id="check", dry_run=True)
        found = odoo_preflight.look(port, conn, ODOO, options)
    _add_problems(report, found.problems)
    for note in found.notes:
        report.add("odoo", "note", "note", note)
    _check_odoo_rights(settings, port, [t for t in ODOO if t.name in found.fields], report)
    loaded = _loaded(settings)
    for table in ODOO:
        if table.name in found.fields:
            report.add("odoo", table.source_name, "ok", _model(settings, port, table, loaded))


def _check_odoo_rights(
    settings: Settings, port: OdooPort, tables: Sequence[Table], report: CheckReport
) -> None:
    """What the user may do beyond reading. Odoo is asked; nothing is tried."""
    try:
        writable = [
            table.source_name
            for table in tables
            if any(_may(settings, port, table, operation) for operation in WRITES)
        ]
    except OdooPermanentError as error:
        report.add("odoo", "rights", "note", f"could not be asked for: {error.message}")
        return
    user = odoo_users.name(settings)
    if not writable:
        report.add("odoo", "rights", "ok", f"{user} may write to none of the models that are read")
        return
    fix = (
        "publishing needs that; to separate the two, name a publisher (ODOO_PUBLISH_USER, or"
        " its key) and read as a user with base.group_user and account.group_account_readonly"
    )
    if odoo_users.has_own_publisher(settings):
        fix = "base.group_user and account.group_account_readonly are enough to read"
    report.add("odoo", "rights", "note", f"{user} may write to {', '.join(writable)}: {fix}")


def _may(settings: Settings, port: OdooPort, table: Table, operation: str) -> bool:
    ask = partial(port.execute, table.source_name, "has_access", [], operation)
    return bool(retrying(settings, ask))


def _model(settings: Settings, port: OdooPort, table: Table, loaded: Loaded) -> str:
    rows = retrying(settings, partial(odoo_preflight.count, port, table.source_name))
    if table.watermark is None:
        return f"{rows:,} records, read whole at each load"
    read = partial(odoo_preflight.greatest_write_date, port, table.source_name)
    newest = retrying(settings, read)
    return f"{rows:,} records, newest {_iso(newest)}; {_lag(loaded, table, newest)}"


def _add_problems(report: CheckReport, problems: list[Problem]) -> None:
    for problem in problems:
        subject = ".".join(part for part in (problem.table, problem.column) if part)
        detail = f"expected {problem.expected}, found {problem.found}: {problem.fix}"
        report.add(problem.source, subject, "problem", detail)


def _iso(instant: datetime | None) -> str:
    return instant.isoformat() if instant else "never"
