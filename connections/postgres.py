"""Sessions to the two PostgreSQL databases. Settings flow in; psycopg2 connections flow out, closed
at the end.

The warehouse session commits when its block ends well and rolls back otherwise. The NexaCloud
session cannot write: it is read-only and sees one snapshot from its first statement to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ, connection, make_dsn

from connections.errors import DatabaseUnreachable
from connections.settings import PageRole, Settings

APPLICATION_NAME = "fusion_billing"
# A page that takes longer than this has lost its reader.
PAGE_TIMEOUT_SECONDS = 30


@contextmanager
def warehouse(
    settings: Settings, *, application_name: str = APPLICATION_NAME
) -> Iterator[connection]:
    """A read-write session to the warehouse in UTC. Commits at the end of the block, rolls back on
    an exception.
    """
    conn = _connect(settings, "warehouse", application_name)
    try:
        _prepare(conn, settings.warehouse_statement_timeout_seconds)
        yield conn
        conn.commit()
    finally:
        # Closing an uncommitted session rolls it back, on a dead server too.
        conn.close()


@contextmanager
def service_database(
    settings: Settings, service: str, *, application_name: str = APPLICATION_NAME
) -> Iterator[connection]:
    """A read-only repeatable-read session: every statement of the block sees the same snapshot of
    the service's own database.
    """
    conn = _connect(settings, service, application_name)
    try:
        _prepare(conn, settings.nexacloud_statement_timeout_seconds, row_security_off=True)
        conn.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        yield conn
    finally:
        conn.close()


@contextmanager
def finance(settings: Settings, role: PageRole) -> Iterator[connection]:
    """A session of the finance pages: a reader's is read-only, an approver's may insert decisions.

    What either may do is the database's word, not this function's: see publishers/roles.py.
    """
    dsn = settings.page_dsn(role)
    try:
        conn = psycopg2.connect(dsn, application_name=f"fusion_billing: {role}", connect_timeout=10)
    except psycopg2.OperationalError as error:
        fix = "run `billing up`" if settings.is_sandbox("warehouse") else "check its DSN"
        raise DatabaseUnreachable(
            f"warehouse as {role}: {' '.join(str(error).split())} ({fix})"
        ) from None
    try:
        _prepare(conn, PAGE_TIMEOUT_SECONDS)
        if role == "reader":
            conn.set_session(readonly=True)
        yield conn
        conn.commit()
    finally:
        conn.close()


@contextmanager
def ops_owner(settings: Settings) -> Iterator[connection]:
    """A session of the login that may act for the owner of schema `ops`."""
    try:
        conn = psycopg2.connect(settings.migrate_dsn, application_name=APPLICATION_NAME)
    except psycopg2.OperationalError as error:
        raise DatabaseUnreachable(
            f"warehouse as owner of ops: {' '.join(str(error).split())}"
            " (check WAREHOUSE_MIGRATE_DSN)"
        ) from None
    try:
        _prepare(conn, settings.warehouse_statement_timeout_seconds)
        yield conn
        conn.commit()
    finally:
        conn.close()


def _connect(settings: Settings, source: str, application_name: str) -> connection:
    parts = settings.dsn_parts(source)
    parts.setdefault("connect_timeout", "10")
    parts.setdefault("keepalives_idle", "30")
    parts["application_name"] = application_name
    try:
        return psycopg2.connect(make_dsn(**parts))
    except psycopg2.OperationalError as error:
        host, port = parts.get("host", "local socket"), parts.get("port", "5432")
        where = f"{host}:{port}/{parts.get('dbname', '')}"
        fix = "run `billing up`" if settings.is_sandbox(source) else f"check {source.upper()}_DSN"
        raise DatabaseUnreachable(
            f"{source} at {where}: {' '.join(str(error).split())} ({fix})"
        ) from None


def _prepare(conn: connection, timeout_seconds: int, *, row_security_off: bool = False) -> None:
    """Plain SET statements and not startup options: poolers refuse unknown startup options."""
    with conn.cursor() as cursor:
        cursor.execute("set time zone 'UTC'; set datestyle = 'ISO, YMD'")
        cursor.execute(
            sql.SQL("set statement_timeout = {}").format(sql.Literal(f"{timeout_seconds}s"))
        )
        if row_security_off:
            # A policy that hides rows must fail the query: a silently filtered copy would look
            # complete.
            cursor.execute("set row_security = off")
    conn.commit()
