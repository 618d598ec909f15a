"""Sessions to the stand-in's own database: one transaction per call, REPEATABLE READ like Odoo.

Flows in: a DSN. Flows out: cursors inside a transaction. A pool keeps idle sessions; one that
died (PostgreSQL restarted) is replaced without the caller noticing, as Odoo's pool does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extensions import parse_dsn

_BEGIN = "begin isolation level repeatable read"
_MAX_IDLE = 8


class Database:
    """A small pool of sessions to one database."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.name: str = parse_dsn(dsn).get("dbname", "")
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def connect(self) -> Connection:
        """Open a session of one's own (for set-up); the caller closes it."""
        return psycopg2.connect(
            self.dsn, application_name="odoo_standin", options="-c timezone=UTC -c jit=off"
        )

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Give a cursor in a new transaction; commit on success, roll back on an error."""
        connection = self._begin()
        try:
            with connection.cursor() as cursor:
                yield cursor
                # In autocommit mode psycopg2's own commit() does nothing: we began, we commit.
                cursor.execute("commit")
        except BaseException:
            # After a lost connection a rollback fails too; the first error is the one to tell.
            if not connection.closed:
                self._roll_back(connection)
            raise
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close the idle sessions."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _begin(self) -> Connection:
        while True:
            with self._lock:
                pooled = self._idle.pop() if self._idle else None
            connection = pooled or self._new()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(_BEGIN)
                return connection
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                connection.close()
                if pooled is None:
                    raise

    def _new(self) -> Connection:
        connection = self.connect()
        # We begin ourselves: psycopg2's implicit BEGIN would come first otherwise.
        connection.autocommit = True
        return connection

    @staticmethod
    def _roll_back(connection: Connection) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("rollback")
        except psycopg2.Error:
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not connection.closed and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()


def fetch(cursor: Cursor, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """Run a query and return its rows."""
    cursor.execute(query, parameters)
    return cursor.fetchall()
