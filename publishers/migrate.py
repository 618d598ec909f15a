"""Brings schema `ops` of a warehouse to this code's version.

In: a warehouse DSN (URI or key=value). Out: schema `ops`, at the head of publishers/migrations.
Quiet, repeatable, and safe when several processes do it at once: an advisory lock serialises them.
Runs as the owner of `ops`, whom the login must be allowed to act for.
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

from publishers.roles import OWNER, MigrationError, grant_ops

# One number for every process that migrates `ops`: the ASCII of "fbops".
MIGRATION_LOCK = 0x66_62_6F_70_73
HEAD = "head"
# Alembic keeps its context in module globals, so threads of one process must queue as well.
_ONE_AT_A_TIME = threading.Lock()


def upgrade(dsn: str) -> None:
    """Create or upgrade schema `ops`; does nothing where it is already at the head.

    Raises psycopg2.OperationalError where the warehouse does not answer, MigrationError where `ops`
    is newer than this code or belongs to a role that this login may not act for.
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
            connection.execute(text("reset role"))
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
    current = _current(connection)
    if current == head():
        return
    _refuse_newer(current)
    connection.execute(text("set client_min_messages = warning"))
    _become_owner(connection, current)
    connection.commit()
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    connection.commit()
    grant_ops(connection.connection.cursor())
    connection.connection.commit()


def _refuse_newer(current: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise MigrationError(
            f"schema ops is at version {current}, and this code knows none beyond {head()}: it was"
            " migrated by newer code; install that, or restore a backup from before"
        )


# The owner of ops; of a schema that is to be made, the role that was made for it.
_WHO = """
select
    coalesce(owner, current_user), coalesce(pg_has_role(owner, 'member'), true), current_user,
    exists (select from pg_namespace where nspname = 'ops')
from (
    select coalesce(
        (select nspowner::regrole::text from pg_namespace where nspname = 'ops'),
        (select rolname::text from pg_roles where rolname = :role and pg_has_role(oid, 'member'))
    )
) as found (owner)
"""


def _become_owner(connection: Connection, current: str | None) -> None:
    owner, may, user, exists = connection.execute(text(_WHO), {"role": OWNER}).one()
    if not may:
        raise MigrationError(
            f"schema ops is at version {current} and this code wants {head()}, but {user} may not"
            f" act for its owner {owner}: set WAREHOUSE_MIGRATE_DSN to a login that may, then run"
            " `billing migrate`"
        )
    if not exists:
        connection.execute(text(f'create schema ops authorization "{owner}"'))
    connection.execute(text(f'set role "{owner}"'))


def _current(connection: Connection) -> str | None:
    options = {"version_table": "schema_version", "version_table_schema": "ops"}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
