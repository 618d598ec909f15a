"""Is the warehouse new enough, and its last build good enough, to bill from?

In: the logs of loads and builds. Out: nothing, or the sentence that holds every document back. One
issuer: what the app, or Odoo itself, has invoiced since the last load is unknown here, so it may
not be old; and what a build made that failed its tests is no amount to bill.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from connections.builds import Build, in_use

MAX_HOURS = 36
# What says whether somebody else has invoiced a period already.
OTHER_ISSUERS = (("nexacloud", "invoices"), ("odoo", "sale_order"))
RUN = "run `billing run` first"

# The build that is in use is the newest whole one that passed: the swap writes both. With it the
# newest load that found something new and that it has not seen.
_IN_USE = """
    select
        build_id, finished_at, finished_at < now() - %s,
        (
            select max(load_runs.finished_at) from ops.load_runs
            where load_runs.status = 'succeeded' and not is_dry_run
                and load_runs.finished_at > builds.started_at
                and (created_count = 0 and updated_count = 0 and deleted_count = 0) is not true
        )
    from ops.builds
    where status = 'passed' and is_whole and schema_prefix = %s
    order by build_id desc
    limit 1
"""


def stale_reason(conn: Connection, marts: str = "marts") -> str | None:
    """Why nothing may be published; loads are stamped by the real clock, so `as_of` is no help."""
    with conn:
        build = in_use(conn, marts)
    with conn, conn.cursor() as cursor:
        return next(_reasons(cursor, build, marts), None)


def _reasons(cursor: Cursor, build: Build | None, marts: str) -> Iterator[str]:
    yield from _old_loads(cursor)
    yield from _old_build(cursor, build, marts)


def _old_loads(cursor: Cursor) -> Iterator[str]:
    cursor.execute(
        "select source, table_name, max(finished_at), max(finished_at) < now() - %s"
        " from ops.load_runs"
        " where status = 'succeeded' and not is_dry_run and (source, table_name) in %s"
        # What could not be seen may have invoiced all the same.
        " and mode is distinct from 'absent'"
        " group by source, table_name",
        (timedelta(hours=MAX_HOURS), OTHER_ISSUERS),
    )
    loads = {(source, table): (at, is_old) for source, table, at, is_old in cursor.fetchall()}
    for source, table in OTHER_ISSUERS:
        at, is_old = loads.get((source, table), (None, True))
        if at is None:
            yield f"{source}.{table} was never loaded, and may have invoiced: {RUN}"
        elif is_old:
            yield (
                f"{source}.{table} was loaded last at {_minute(at)}, more than {MAX_HOURS} hours"
                f" ago, and may have invoiced since: {RUN}"
            )


def _old_build(cursor: Cursor, build: Build | None, marts: str) -> Iterator[str]:
    """A newer build that runs or failed changes nothing: what it made is not in use.

    But for marts that are built in place, without a swap: they hold what the newest build made.
    """
    if build is None:
        yield from _built_in_place(cursor, marts)
    cursor.execute(_IN_USE, (timedelta(hours=MAX_HOURS), marts.removesuffix("marts")))
    found = cursor.fetchone()
    if found is None:
        yield f"no build of the warehouse is known that passed: {RUN}"
        return
    build_id, finished_at, is_old, loaded_at = found
    if build and build.build_id != build_id:
        yield (
            f"the marts are of build {build.build_id} and the newest that passed is {build_id}:"
            f" one of them came from a backup; {RUN}"
        )
    if is_old:
        yield (
            f"the build in use was made at {_minute(finished_at)}, more than {MAX_HOURS} hours"
            f" ago: {RUN}"
        )
    if loaded_at:
        yield f"what was loaded at {_minute(loaded_at)} is in no build that passed: {RUN}"


def _built_in_place(cursor: Cursor, marts: str) -> Iterator[str]:
    cursor.execute(
        "select status, started_at, error from ops.builds where schema_prefix = %s"
        " order by build_id desc limit 1",
        (marts.removesuffix("marts"),),
    )
    status, started_at, error = cursor.fetchone() or ("unknown", None, None)
    if status == "running":
        yield f"the build that began at {_minute(started_at)} runs still, or was killed: {RUN}"
    elif status == "failed":
        why = f" ({str(error).splitlines()[0]})" if error else ""
        yield f"the build that began at {_minute(started_at)} failed{why}: {RUN}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
