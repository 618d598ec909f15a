"""Brings schema `ops` of a warehouse to this code's version.

In: a warehouse DSN (URI or key=value). Out: schema `ops`, at the head of publishers/migrations.
Quiet, repeatable, and safe when several processes do it at once: an advisory lock serialises them.
"""

import threading
from pathlib import Path

import psycopg2
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

# One number for every process that migrates `ops`: the ASCII of "fbops".
MIGRATION_LOCK = 0x66_62_6F_70_73
# Alembic keeps its context in module globals, so threads of one process must queue as well.
_ONE_AT_A_TIME = threading.Lock()


def upgrade(dsn: str) -> None:
    """Create or upgrade schema `ops`; does nothing where it is already at the head.

    Raises psycopg2.OperationalError where the warehouse does not answer.
    """
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(dsn), poolclass=NullPool
    )
    with _ONE_AT_A_TIME, engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        try:
            _upgrade_locked(connection)
        finally:
            connection.rollback()
            connection.execute(text("select pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})


def version(dsn: str) -> str | None:
    """The version that `ops` is at; None where there is no `ops` yet."""
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(dsn), poolclass=NullPool
    )
    with engine.connect() as connection:
        return _current(connection)


def head() -> str | None:
    """The newest version that this code knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _upgrade_locked(connection: Connection) -> None:
    if _current(connection) == head():
        return
    connection.execute(text("set client_min_messages = warning"))
    connection.execute(text("create schema if not exists ops"))
    connection.commit()
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _current(connection: Connection) -> str | None:
    options = {"version_table": "schema_version", "version_table_schema": "ops"}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
