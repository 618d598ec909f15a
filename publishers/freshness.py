"""Is the warehouse new enough, and its last build good enough, to bill from?

In: the logs of loads and builds. Out: nothing, or the sentence that holds every document back. One
issuer: what the app, or Odoo itself, has invoiced since the last load is unknown here, so it may
not be old; and what a build made that failed its tests is no amount to bill.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

MAX_HOURS = 36
# What says whether somebody else has invoiced a period already.
OTHER_ISSUERS = (("nexacloud", "invoices"), ("odoo", "sale_order"))
RUN = "run `billing run` first"

# The newest load that found something new, where no whole build has passed since.
_UNBUILT = """
    select max(finished_at)
    from ops.load_runs
    where status = 'succeeded' and not is_dry_run
        and (created_count = 0 and updated_count = 0 and deleted_count = 0) is not true
    having max(finished_at) > coalesce(
        (select max(started_at) from ops.builds where status = 'passed' and is_whole), '-infinity'
    )
"""


def stale_reason(conn: Connection) -> str | None:
    """Why nothing may be published; loads are stamped by the real clock, so `as_of` is no help."""
    with conn, conn.cursor() as cursor:
        return next(_reasons(cursor), None)


def _reasons(cursor: Cursor) -> Iterator[str]:
    yield from _old_loads(cursor)
    yield from _bad_builds(cursor)


def _old_loads(cursor: Cursor) -> Iterator[str]:
    cursor.execute(
        "select source, table_name, max(finished_at), max(finished_at) < now() - %s"
        " from ops.load_runs"
        " where status = 'succeeded' and not is_dry_run and (source, table_name) in %s"
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


def _bad_builds(cursor: Cursor) -> Iterator[str]:
    """The newest build must have passed; a whole one since something new was loaded."""
    cursor.execute(
        "select status, started_at, error from ops.builds order by build_id desc limit 1"
    )
    newest = cursor.fetchone()
    if newest is None:
        yield f"no build of the warehouse is known: {RUN}"
        return
    status, started_at, error = newest
    if status == "running":
        yield f"the build that began at {_minute(started_at)} runs still, or was killed: {RUN}"
    elif status == "failed":
        why = f" ({str(error).splitlines()[0]})" if error else ""
        yield f"the build that began at {_minute(started_at)} failed{why}: {RUN}"
    cursor.execute(_UNBUILT)
    if unbuilt := cursor.fetchone():
        yield f"what was loaded at {_minute(unbuilt[0])} is in no build that passed: {RUN}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
