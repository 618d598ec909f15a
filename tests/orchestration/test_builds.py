"""Each build of the warehouse leaves a row that says whether it passed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from dashboards.queries.common import FRESHNESS
from orchestration import builds

RESULTS = {
    "results": [
        {"unique_id": "model.fusion_billing.a", "status": "success"},
        {"unique_id": "test.fusion_billing.b", "status": "pass"},
        {"unique_id": "test.fusion_billing.c", "status": "fail"},
        {"unique_id": "test.fusion_billing.d", "status": "skipped"},
    ]
}


@pytest.fixture
def built(warehouse_dsn: str, tmp_path: Any) -> Settings:
    as_of = "2026-06-03T12:00:00+00:00"
    return load_settings(billing_home=tmp_path, warehouse_dsn=warehouse_dsn, billing_as_of=as_of)


def logged(settings: Settings) -> list[tuple[Any, ...]]:
    with warehouse(settings) as conn, conn.cursor() as cursor:
        cursor.execute(
            "select status, is_whole, tests_passed, tests_failed, error, as_of, finished_at is null"
            " from ops.builds order by build_id"
        )
        return cursor.fetchall()


def test_a_build_that_passes_is_logged_with_its_tests(built: Settings) -> None:
    with builds.recorded(built, is_whole=True) as build:
        build.count(RESULTS)
        assert [row[0] for row in logged(built)] == ["running"]
    assert logged(built) == [("passed", True, 1, 1, None, built.as_of, False)]


def test_a_build_that_raises_has_failed_and_says_why(built: Settings) -> None:
    with pytest.raises(RuntimeError), builds.recorded(built, is_whole=False):
        raise RuntimeError("dbt: 1 nodes failed")
    assert logged(built) == [("failed", False, 0, 0, "dbt: 1 nodes failed", built.as_of, False)]


def test_a_build_that_was_killed_has_failed_when_the_next_begins(built: Settings) -> None:
    killed = builds.recorded(built, is_whole=True)
    killed.__enter__()  # and never ends
    with builds.recorded(built, is_whole=True):
        pass
    assert [row[0] for row in logged(built)] == ["failed", "passed"]


def test_the_pages_say_from_which_instant_the_last_good_build_looks(built: Settings) -> None:
    """Not when the server of the pages began, nor what a failed or partial build looked from."""

    def as_of() -> Any:
        with warehouse(built) as conn, conn.cursor() as cursor:
            cursor.execute(FRESHNESS)
            ((_, instant, _),) = cursor.fetchall()
        return instant

    assert as_of() is None
    with builds.recorded(built, is_whole=True):
        pass
    later = built.model_copy(update={"billing_as_of": datetime(2026, 7, 1, tzinfo=UTC)})
    with builds.recorded(later, is_whole=False):
        pass
    with pytest.raises(RuntimeError), builds.recorded(later, is_whole=True):
        raise RuntimeError("dbt: 1 nodes failed")
    assert as_of() == built.as_of
