"""The warehouse's own state: schemas that must be there, and one build at a time.

Flows in: settings. Flows out: schema `ops` at this code's version, every raw table (empty where
nothing was loaded), and an advisory lock that the server drops when its holder dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connections.postgres import warehouse
from connections.settings import Settings
from loaders.schema import ensure_raw_tables
from publishers import roles


def migrate(settings: Settings) -> None:
    """Bring `ops` and the raw schemas to this code's version; quick where they are there."""
    from publishers.migrate import upgrade  # Alembic is slow to import, and few verbs migrate

    with warehouse(settings) as conn:  # says who is unreachable better than the migration would
        ensure_raw_tables(conn)
    upgrade(settings.migrate_dsn)
    with warehouse(settings) as conn:
        roles.grant_if_present(conn, settings.schema("marts"))


@contextmanager
def only_one(settings: Settings, work: str) -> Iterator[None]:
    """Wait for whoever does this work on this warehouse, then hold the place until the block ends.

    The publisher needs none of this: its ledger is right under races.
    """
    with warehouse(settings, application_name=f"fusion_billing: {work}") as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(hashtext(%s))", (f"fusion_billing.{work}",))
            yield
