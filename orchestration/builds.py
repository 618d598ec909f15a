"""The log of builds, where dbt did not get as far as writing it.

Flows in: settings and why a build ended. Flows out: the row of ops.builds that dbt opened, closed.
dbt opens and closes the row itself (dbt_project/macros/builds.sql), by hand and in Dagster alike.
"""

from __future__ import annotations

from connections.postgres import warehouse
from connections.settings import Settings

_FAIL = """
    update ops.builds
    set status = 'failed', finished_at = clock_timestamp(), error = %s
    where status = 'running' and invocation_id = %s
"""


def fail_unfinished(settings: Settings, invocation_id: str, error: str) -> None:
    """Close the row of an invocation of dbt that ended without doing so: the swap refused it."""
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(_FAIL, (error[:1000], invocation_id))
