"""Dagster's run history in one file, written through one engine.

Flows in: the events of runs. Flows out: the same history as Dagster's own SQLite storage keeps,
which opens a new engine and a new file handle, twice, for each event: a night has some 1,500 of
them, and that cost more than the work that they tell of. dagster.yaml names this class; the
webserver and the daemon use it as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property

from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine, event

BUSY_SECONDS = 60  # how long a writer waits for another, as the UI beside a run


class RunHistory(ConsolidatedSqliteEventLogStorage):
    """The consolidated storage with a pool. A crash of the machine may lose its last second.

    Only what every event storage of Dagster implements is implemented here.
    """

    @cached_property
    def engine(self) -> Engine:
        """One for the life of the storage."""
        file = self.get_db_path()  # type: ignore[no-untyped-call]
        engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _relax)
        return engine

    @contextmanager
    def run_connection(self, run_id: str | None) -> Iterator[Connection]:  # noqa: ARG002
        """A transaction; events of all runs are in one file."""
        with self.engine.begin() as connection:
            yield connection

    def index_connection(self) -> AbstractContextManager[Connection]:
        """The same file."""
        return self.run_connection(None)

    def dispose(self) -> None:
        """Close the files."""
        self.engine.dispose()
        super().dispose()  # type: ignore[no-untyped-call]


def _relax(connection: sqlite3.Connection, _record: object) -> None:
    """With the write-ahead log NORMAL cannot corrupt, and spares a disk sync an event."""
    connection.execute("pragma synchronous = normal")
