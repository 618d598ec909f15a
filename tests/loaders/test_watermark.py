"""Nothing is lost between two watermarks, and nothing old is paid for twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest

import loaders
from connections import Settings

Run = Callable[..., list[tuple[Any, ...]]]


def load(settings: Settings, **options: Any) -> loaders.LoadReport:
    return loaders.load(settings, tables=["users", "usage_records"], **options)


def test_a_transaction_that_commits_after_the_watermark_was_taken_is_not_lost(
    nexa: Settings, app: Run, nexacloud_owner_dsn: str, differences: Callable[[str], set[Any]]
) -> None:
    load(nexa)
    insert = (
        "insert into usage_records (id, metric, quantity, window_start, window_end, created_at)"
        " values (%s, 'cpu_seconds', 1, now(), now(), now())"
    )
    with closing(psycopg2.connect(nexacloud_owner_dsn)) as late:
        late.cursor().execute(insert, (900_000,))
        app(insert, (900_001,))
        watermark = load(nexa).tables[1].watermark
        late.commit()
    (started,) = app("select created_at from usage_records where id = 900000")
    assert watermark is not None
    assert started[0] < watermark
    assert load(nexa).tables[1].created == 1
    assert differences("usage_records") == set()


@pytest.mark.parametrize("may_see", [True, False])
def test_a_role_that_sees_open_transactions_needs_no_overlap(
    nexa: Settings, app: Run, nexacloud_owner_dsn: str, cluster: Any, may_see: bool
) -> None:
    """With pg_read_all_stats the watermark stops at the oldest open transaction, however old."""
    careless = nexa.model_copy(update={"load_overlap_minutes": 0})
    app("update users set updated_at = now() where email = (select min(email) from users)")
    load(careless)
    update = (
        "update users set full_name = 'New', updated_at = now()"
        " where email = (select {}(email) from users)"
    )
    with _granted(cluster, "pg_read_all_stats", may_see):
        with closing(psycopg2.connect(nexacloud_owner_dsn)) as late:
            late.cursor().execute(update.format("min"))
            app(update.format("max"))
            load(careless)
            late.commit()
        report = load(careless).tables[0]
    # Who does not see it finds it all the same, by the sweep of a small table, and reads it whole.
    assert (report.updated, report.notes == []) == (1, may_see)


@contextmanager
def _granted(cluster: Any, role: str, is_wanted: bool) -> Iterator[None]:
    with cluster.admin() as connection, connection.cursor() as cursor:
        if is_wanted:
            cursor.execute(f"grant {role} to odoo_billing_ro")
        try:
            yield
        finally:
            cursor.execute(f"revoke {role} from odoo_billing_ro")


def test_a_row_from_the_future_does_not_carry_the_watermark_away(
    nexa: Settings, app: Run, differences: Callable[[str], set[Any]]
) -> None:
    app("update users set updated_at = '2999-01-01' where email = (select min(email) from users)")
    load(nexa)
    app("update users set full_name = 'New', updated_at = now()"
        " where email = (select max(email) from users)")  # fmt: skip
    assert load(nexa).tables[0].updated == 1
    assert differences("users") == set()


def test_the_watermark_stays_behind_an_open_transaction_of_a_role_that_we_may_see(
    nexa: Settings, app: Run, nexacloud_owner_dsn: str, nexacloud_dsn: str
) -> None:
    app("update users set updated_at = now()")
    with closing(psycopg2.connect(nexacloud_dsn)) as other, other.cursor() as cursor:
        cursor.execute("select now()")
        (started,) = cursor.fetchone() or (None,)
        app("update users set updated_at = now()")
        watermark = load(nexa).tables[0].watermark
    assert watermark == started


# ----------------------------------------------------------------------------- the cost of no news


def test_a_second_load_with_nothing_new_reads_a_few_pages_of_a_large_table(
    nexa: Settings, app: Run
) -> None:
    app("insert into usage_records select id + k * 1000000, subscription_id, deployment_id, metric,"
        " quantity, window_start, window_end, idempotency_key, created_at - k * interval '90 days'"
        " from usage_records, generate_series(1, 9) as k")  # fmt: skip
    app("vacuum analyze usage_records")
    first = load(nexa).tables[1]
    pages_before = _pages(app)
    second = load(nexa).tables[1]
    pages = _pages(app) - pages_before
    (total,) = app("select relpages from pg_class where relname = 'usage_records'")[0]
    assert "Index" in second.plan
    assert "Seq Scan" not in second.plan
    assert pages < total / 20, f"{pages} page reads on a table of {total} pages"
    assert second.bytes < first.bytes / 100


def _pages(app: Run) -> int:
    """Page requests on usage_records and its indexes so far, wherever they were served from."""
    # A session adds its figures up when it ends, and it ends a moment after its client.
    while app(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and usename = 'odoo_billing_ro'"
    ) != [(0,)]:
        time.sleep(0.01)
    app("select pg_stat_force_next_flush()")
    return int(
        app(
            "select heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit"
            " from pg_statio_user_tables where relname = 'usage_records'"
        )[0][0]
    )
