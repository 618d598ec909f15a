"""The log of builds: which one made what stands in the marts, and whether its tests passed.

Flows in: settings and dbt's run results. Flows out: a row of ops.builds, which the publisher asks
before it claims anything. A build that was killed leaves its row running until the next one begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connections.postgres import warehouse
from connections.settings import Settings

_BEGIN = """
    update ops.builds
    set status = 'failed', finished_at = clock_timestamp(), error = 'ended without a word'
    where status = 'running';
    insert into ops.builds (as_of, is_whole) values (%s, %s) returning build_id
"""
_END = """
    update ops.builds
    set status = %s, finished_at = clock_timestamp(), tests_passed = %s, tests_failed = %s,
        error = %s
    where build_id = %s
"""


@dataclass
class Build:
    """What a build found so far."""

    tests: Counter[str] = field(default_factory=Counter)

    def count(self, run_results: Mapping[str, Any]) -> None:
        """Take the tests of dbt's run results."""
        self.tests.update(
            "passed" if result["status"] in ("pass", "warn") else "failed"
            for result in run_results["results"]
            if result["unique_id"].startswith("test.") and result["status"] != "skipped"
        )


@contextmanager
def recorded(settings: Settings, *, is_whole: bool) -> Iterator[Build]:
    """Record the build that the block is. Only for who holds the place of the one build at a time:
    whatever else is still running was killed. A block that raises has failed.
    """
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(_BEGIN, (settings.as_of, is_whole))
        ((build_id,),) = cursor.fetchall()
    build = Build()
    try:
        yield build
    except BaseException as error:
        _end(settings, build_id, build, str(error)[:1000] or type(error).__name__)
        raise
    _end(settings, build_id, build, None)


def _end(settings: Settings, build_id: int, build: Build, error: str | None) -> None:
    status = "passed" if error is None else "failed"
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(
            _END, (status, build.tests["passed"], build.tests["failed"], error, build_id)
        )
