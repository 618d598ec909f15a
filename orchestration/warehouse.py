"""The warehouse's own state: schemas that must be there, and one build at a time.

Flows in: settings. Flows out: schema `ops` at this code's version, every raw table (empty where
nothing was loaded), and an advisory lock that the server drops when its holder dies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from connections.postgres import warehouse
from connections.settings import Settings


def migrate(settings: Settings) -> None:
    """Bring `ops` and the raw schemas to this code's version; quick where they are there."""
    # Slow to import, and few verbs migrate.
    from loaders.schema import ensure_raw_tables
    from publishers import roles
    from publishers.migrate import upgrade

    with warehouse(settings) as conn:  # says who is unreachable better than the migration would
        ensure_raw_tables(conn)
    upgrade(settings.migrate_dsn)
    with warehouse(settings) as conn:
        roles.grant_if_present(conn, settings.schema("marts"))


@contextmanager
def only_one(
    settings: Settings, work: str, whose: str, tell: Callable[[str], object]
) -> Iterator[None]:
    """Wait for whoever does this work on this warehouse, then hold the place until the block ends.

    Who waits is told for whom and since when. The publisher needs none of this: its ledger is right
    under races.
    """
    name = f"fusion_billing: {work}, {whose}"
    with warehouse(settings, application_name=name) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            lock = (f"fusion_billing.{work}",)
            cursor.execute("select pg_try_advisory_lock(hashtext(%s))", lock)
            if cursor.fetchone() != (True,):
                cursor.execute(_HOLDER, lock)
                tell(_waits_for(cursor.fetchone()))
                cursor.execute("select pg_advisory_lock(hashtext(%s))", lock)
            yield


# A lock by one bigint keeps its halves in classid and objid; hashtext gives an integer.
_HOLDER = """
    select holder.application_name, holder.backend_start
    from pg_locks as lock
    inner join pg_stat_activity as holder on lock.pid = holder.pid
    where lock.locktype = 'advisory' and lock.granted and lock.database = (
        select oid from pg_database where datname = current_database()
    ) and lock.objid::bigint = hashtext(%s)::bigint & 4294967295
"""


def _waits_for(holder: tuple[str, datetime] | None) -> str:
    if holder is None:
        return "waits for another run on this warehouse"
    name, since = holder
    return f"waits for {name.removeprefix('fusion_billing: ')}, since {since:%Y-%m-%d %H:%M:%S %Z}"
