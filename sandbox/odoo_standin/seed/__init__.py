"""Filling a new stand-in: the company's settings, and what the old importer left behind.

Flows in: a DSN. Flows out: a database that is ready to serve; one that was ready stays as it is.
"""

from __future__ import annotations

from contextlib import closing

from sandbox.odoo_standin.database import Database
from sandbox.odoo_standin.registry import load_registry
from sandbox.odoo_standin.schema import ensure_schema
from sandbox.odoo_standin.seed import chart, importer, people
from sandbox.odoo_standin.seed.rows import Inserter
from sandbox.rows import Sample
from sandbox.sample import build_sample

__all__ = ["edition", "prepare"]

_EDITION = "edition"


def edition(dsn: str) -> str | None:
    """Return `community` or `enterprise`; None for a database that was never prepared."""
    with closing(Database(dsn).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select to_regclass('standin_settings')")
        row = cursor.fetchone()
        if row is None or row[0] is None:
            return None
        cursor.execute("select value from standin_settings where name = %s", (_EDITION,))
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def prepare(
    dsn: str, *, community: bool = False, empty: bool = False, sample: Sample | None = None
) -> None:
    """Create the tables and, in a new database, the seed, all in one transaction.

    `empty` leaves out customers, catalogue and orders; so does `community`, which knows none.
    `sample` names the NexaCloud database whose importer's remains are seeded; default: the sample.
    """
    registry = load_registry(community)
    with closing(Database(dsn).connect()) as connection:
        ensure_schema(connection, registry)
        with connection, connection.cursor() as cursor:
            cursor.execute("lock table standin_settings in exclusive mode")
            cursor.execute("select 1 from standin_settings where name = %s", (_EDITION,))
            if cursor.fetchone() is not None:
                return
            insert = Inserter(cursor, registry)
            chart.fill(insert)
            people.fill(insert)
            if not (empty or community):
                importer.fill(insert, sample if sample is not None else build_sample())
            insert.restart_identities()
            cursor.execute(
                "insert into standin_settings (name, value) values (%s, %s)",
                (_EDITION, "community" if community else "enterprise"),
            )
