"""Whatever dies in the middle, raw is as it was, the log says so, and the next run is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

import loaders
from connections import Settings
from loaders.errors import ServerLost

Run = Callable[..., list[tuple[Any, ...]]]
State = Callable[[], dict[str, str]]

PATIENCE_SECONDS = 60

LOADER = """
import json, sys, loaders
from connections import load_settings
loaders.load(load_settings(**json.loads(sys.argv[1])), only="nexacloud")
"""

# A source that hands out most rows at once and then stops for a while before each further part.
SLOW_USAGE = """
alter table usage_records rename to usage_records_stored;
create view usage_records as
    select * from usage_records_stored as u
    where case when u.id % 4000 = 0 then pg_sleep({seconds}) is not null else true end;
alter view usage_records owner to nexacloud;
grant select on usage_records to odoo_billing_ro;
"""


@contextmanager
def loader_process(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    given = {
        "billing_home": str(settings.billing_home),
        "warehouse_dsn": settings.warehouse_dsn,
        "nexacloud_dsn": settings.nexacloud_dsn,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", LOADER, json.dumps(given)],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_copying(run: Run) -> bool:
    rows = run("select tuples_processed from pg_stat_progress_copy where command = 'COPY FROM'")
    return any(count > 1000 for (count,) in rows)


def with_news(app: Run) -> None:
    app("update users set full_name = 'New', updated_at = now()")


@pytest.mark.parametrize("is_first", [True, False], ids=["first load", "later load"])
def test_a_loader_killed_in_the_middle_of_a_copy_leaves_raw_unchanged(
    nexa: Settings, app: Run, warehouse_sql: Run, raw_state: State, differences: Any, is_first: bool
) -> None:
    if not is_first:
        loaders.load(nexa, only="nexacloud")
        with_news(app)
        warehouse_sql(
            "update ops.load_runs set watermark_to = '2020-01-01+00' where table_name ="
            " 'usage_records'"
        )
    before = raw_state()
    app(SLOW_USAGE.format(seconds=0.7))
    with loader_process(nexa) as process:
        wait_until(lambda: is_copying(warehouse_sql))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    # A first load makes its tables before it fills them.
    empty = {name: state for name, state in raw_state().items() if name not in before}
    assert {name: state for name, state in raw_state().items() if name in before} == before
    assert all(state.startswith("0") for state in empty.values())
    assert warehouse_sql("select count(*) from ops.load_runs where status = 'running'") != [(0,)]
    app("drop view usage_records; alter table usage_records_stored rename to usage_records")
    loaders.load(nexa, only="nexacloud")
    for name in ("users", "usage_records"):
        assert differences(name) == set()
    died = warehouse_sql("select distinct error from ops.load_runs where status = 'failed'")
    assert died == [("the loader died before it could say why",)]
    assert warehouse_sql("select count(*) from ops.load_runs where status = 'running'") == [(0,)]


def test_a_loader_killed_between_tables_leaves_raw_unchanged(
    nexa: Settings,
    app: Run,
    nexacloud_owner_dsn: str,
    warehouse_sql: Run,
    raw_state: State,
    differences: Any,
) -> None:
    loaders.load(nexa, only="nexacloud")
    with_news(app)
    before = raw_state()
    with closing(psycopg2.connect(nexacloud_owner_dsn)) as blocker:
        blocker.cursor().execute("lock table subscriptions in access exclusive mode")
        with loader_process(nexa) as process:
            # users and plans are merged, subscriptions waits for the lock.
            wait_until(
                lambda: (
                    warehouse_sql("select count(*) from ops.load_runs where status = 'running'")
                    == [(3,)]
                )
            )
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    assert raw_state() == before
    assert loaders.load(nexa, only="nexacloud").tables[0].updated == 7
    assert differences("users") == set()


def test_a_load_that_fails_says_so_in_the_log(nexa: Settings, app: Run, warehouse_sql: Run) -> None:
    loaders.load(nexa, only="nexacloud")
    app("delete from plans")
    with pytest.raises(loaders.LoadError):
        loaders.load(nexa, only="nexacloud", run_id="shrunk")
    logged = dict(
        warehouse_sql("select table_name, error from ops.load_runs where status = 'failed'")
    )
    # users was merged, and taken back with plans: the log does not call it loaded.
    assert set(logged) == {"users", "plans"}
    assert logged["plans"].startswith("ShrinkRefused: nexacloud.plans lost 232 of 232")


def test_a_source_restarted_in_the_middle_of_a_load_is_named_and_leaves_raw_unchanged(
    tmp_path: Path, nexa: Settings, warehouse_sql: Run, raw_state: State
) -> None:
    from sandbox import nexacloud
    from sandbox.postgres import Cluster
    from sandbox.sample import build_sample

    tmp_path.chmod(0o755)
    source = Cluster(tmp_path / "source", throwaway=True).start()
    try:
        for role in (nexacloud.OWNER, nexacloud.READER):
            source.ensure_role(role)
        source.create_database("nexacloud", owner=nexacloud.OWNER)
        with source.admin("nexacloud") as connection:
            nexacloud.create_tables(connection)
            nexacloud.fill(connection, build_sample())
            connection.cursor().execute(SLOW_USAGE.format(seconds=0.7))
        settings = nexa.model_copy(
            update={"nexacloud_dsn": source.dsn("nexacloud", nexacloud.READER)}
        )
        restarted: list[bool] = []

        def restart_once(event: loaders.Progress) -> None:
            if event.table.endswith("usage_records") and not restarted:
                restarted.append(True)
                source.stop(immediate=True)
                source.start()

        with pytest.raises(ServerLost, match="nexacloud went away in the middle") as error:
            loaders.load(settings, only="nexacloud", progress=restart_once)
        assert restarted
        assert error.value.is_retryable
        assert all(state.startswith("0") for state in raw_state().values())
        assert loaders.load(settings, only="nexacloud").tables[4].created == 8095
    finally:
        source.stop(immediate=True)


def test_a_warehouse_that_cuts_the_session_is_named(
    nexa: Settings, warehouse_sql: Run, app: Run
) -> None:
    app(SLOW_USAGE.format(seconds=0.7))

    def cut(event: loaders.Progress) -> None:
        if event.table.endswith("usage_records") and not event.is_done:
            warehouse_sql(
                "select pg_terminate_backend(pid) from pg_stat_progress_copy where command ="
                " 'COPY FROM'"
            )

    with pytest.raises(ServerLost, match="the warehouse went away"):
        loaders.load(nexa, only="nexacloud", progress=cut)
