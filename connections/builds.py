"""Which build of the warehouse somebody reads, and that it stays the same while he reads.

Flows in: a session of the warehouse. Flows out: the build that is in use, and a newer one that
failed. A build is swapped in at once (ops.swap_build), and a session that holds the build's lock
shared is never overtaken by it: several statements get their answers from one build.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg2 import sql
from psycopg2.errors import InvalidSchemaName, UndefinedTable
from psycopg2.extensions import connection

_LOCK = "hashtext('fusion_billing.builds ' || %s)"
_IN_USE = """
    select in_use.build_id, in_use.as_of, in_use.swapped_at, failed.started_at, failed.error
    from {marts}.dim_build as in_use
    left join lateral (
        select started_at, error from ops.builds
        where is_whole and status <> 'running' and build_id > in_use.build_id
            and schema_prefix = %s
        order by build_id desc
        limit 1
    ) as failed on true
"""


def serving_of(marts: str) -> str:
    """The schema of the views that join live decisions, beside this schema of marts."""
    return f"{marts.removesuffix('marts')}serving"


class BuildUnknown(RuntimeError):
    """The marts do not say which build they are of."""


@dataclass(frozen=True)
class Build:
    """The build that people read; `failed_at` and `error` are of a newer one that failed."""

    build_id: int
    as_of: datetime
    swapped_at: datetime
    failed_at: datetime | None = None
    error: str | None = None

    @property
    def sentence(self) -> str:
        """Which build this is, and that a newer one failed."""
        said = f"as of {_minute(self.as_of)}, built {_minute(self.swapped_at)}"
        if self.failed_at is None:
            return said
        why = f": {self.error.splitlines()[0]}" if self.error else ""
        return f"{said}; the build of {_minute(self.failed_at)} failed and is not in use{why}"


@contextmanager
def pinned(conn: connection, marts: str) -> Iterator[Build | None]:
    """Keep one build for all statements of the block; None where none was swapped in yet.

    The lock is taken in a transaction of its own: a snapshot that is older than the lock would see
    the tables of a newer build, and see them empty. Commits what was begun before the block, and
    what the block did when it ends well.
    """
    prefix = marts.removesuffix("marts")
    conn.commit()
    with conn.cursor() as cursor:
        cursor.execute(f"select pg_advisory_lock_shared({_LOCK})", (prefix,))
    conn.commit()
    try:
        yield in_use(conn, marts)
        conn.commit()
    finally:
        if not conn.closed:
            conn.rollback()
            with conn.cursor() as cursor:
                cursor.execute(f"select pg_advisory_unlock_shared({_LOCK})", (prefix,))
            conn.commit()


def in_use(conn: connection, marts: str) -> Build | None:
    """The build that stands in the marts; None where nothing was built, or only in place.

    Raises BuildUnknown where it is there and empty: that is never "nothing to do".
    """
    with conn.cursor() as cursor:
        try:
            cursor.execute(
                sql.SQL(_IN_USE).format(marts=sql.Identifier(marts)), (marts.removesuffix("marts"),)
            )
        except (UndefinedTable, InvalidSchemaName):
            conn.rollback()
            return None
        found = cursor.fetchone()
    if found is None:
        raise BuildUnknown(f"{marts}.dim_build is empty: a swap came between; ask once more")
    return Build(*found)


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
