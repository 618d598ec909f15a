"""Laws of the NexaCloud loads: complete, from one snapshot, and cheap to repeat."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg2
import pytest

import loaders
from connections import Settings
from loaders.errors import LoadInProgress, OpsMissing
from loaders.report import TableReport
from loaders.runs import open_run_log
from loaders.tables import NEXACLOUD

Run = Callable[..., list[tuple[Any, ...]]]
Differences = Callable[[str], set[tuple[Any, ...]]]

USAGE = (
    "insert into usage_records (id, subscription_id, deployment_id, metric, quantity, window_start,"
    " window_end, idempotency_key, created_at) values"
    " (%s, gen_random_uuid(), gen_random_uuid(), 'cpu_seconds', %s, %s, %s, %s, %s)"
)
NOON, ONE = "2026-06-03 12:00+00", "2026-06-03 13:00+00"


def load(settings: Settings, **options: Any) -> dict[str, TableReport]:
    report = loaders.load(settings, only="nexacloud", **options)
    return {table.table: table for table in report.tables}


def test_the_first_load_copies_every_row_and_says_so(
    nexa: Settings, differences: Differences, warehouse_sql: Run
) -> None:
    reports = load(nexa, run_id="first")
    assert [table.name for table in NEXACLOUD] == list(reports)
    for name, report in reports.items():
        assert differences(name) == set()
        assert (report.mode, report.read, report.created) == ("full", report.created, report.read)
        assert report.source_totals == report.raw_totals
    logged = warehouse_sql(
        "select table_name, created_count, status, run_id, watermark_to is not null"
        " from ops.load_runs order by load_run_id"
    )
    assert logged == [(n, r.created, "succeeded", "first", True) for n, r in reports.items()]
    assert warehouse_sql("select distinct _run_id from raw_nexacloud.usage_records") == [("first",)]


def test_raw_has_its_primary_key_and_indexes_back_after_the_first_copy(
    nexa: Settings, warehouse_sql: Run
) -> None:
    load(nexa)
    indexes = warehouse_sql(
        "select indexdef from pg_indexes where schemaname = 'raw_nexacloud'"
        " and tablename = 'usage_records' order by indexname"
    )
    loaded_at, key_hash, key, subscription_time = (definition for (definition,) in indexes)
    assert "(_loaded_at)" in loaded_at
    assert "UNIQUE INDEX" in key
    assert "hashtextextended(idempotency_key" in key_hash
    assert "window_start" in subscription_time
    defaults = "select count(*) from pg_attrdef as d join pg_class as c on c.oid = d.adrelid"
    assert warehouse_sql(f"{defaults} where c.relname = 'usage_records'") == [(0,)]


def test_a_former_installation_gets_its_new_indexes_with_the_next_load(
    nexa: Settings, warehouse_sql: Run
) -> None:
    load(nexa)
    named = "select indexname from pg_indexes where schemaname = 'raw_nexacloud' order by 1"
    before = warehouse_sql(named)
    warehouse_sql("drop index raw_nexacloud.usage_records_key_hash_idx")
    load(nexa)
    assert warehouse_sql(named) == before


def test_a_view_on_a_raw_table_survives_the_first_copy(nexa: Settings, warehouse_sql: Run) -> None:
    from connections.postgres import warehouse
    from loaders.schema import ensure_raw_tables

    with warehouse(nexa) as connection:
        ensure_raw_tables(connection)
    warehouse_sql("create view staged as select * from raw_nexacloud.users")
    load(nexa)
    assert warehouse_sql("select count(*) from staged") == [(7,)]


def test_a_second_load_rewrites_nothing(
    nexa: Settings, raw_state: Callable[[], dict[str, str]]
) -> None:
    load(nexa)
    before = raw_state()
    reports = load(nexa)
    assert raw_state() == before
    assert {(r.created, r.updated, r.deleted) for r in reports.values()} == {(0, 0, 0)}


def test_a_full_load_rewrites_nothing_where_nothing_changed(
    nexa: Settings, raw_state: Callable[[], dict[str, str]]
) -> None:
    load(nexa)
    before = raw_state()
    load(nexa, full=True)
    assert raw_state() == before


def test_changed_rows_are_merged_and_only_they_move(
    nexa: Settings, app: Run, warehouse_sql: Run, differences: Differences
) -> None:
    load(nexa, run_id="first")
    app(
        "update users set full_name = 'Renamed', updated_at = now() where email = (select"
        " min(email) from users)"
    )
    reports = load(nexa, run_id="second")
    assert (reports["users"].updated, reports["users"].created) == (1, 0)
    moved = warehouse_sql("select full_name from raw_nexacloud.users where _run_id = 'second'")
    assert moved == [("Renamed",)]
    assert differences("users") == set()


def test_duplicates_of_usage_are_kept(nexa: Settings, app: Run, differences: Differences) -> None:
    load(nexa)
    for key in (900_001, 900_002):
        app(USAGE, (key, 5, NOON, ONE, "the same key", NOON))
    assert load(nexa)["usage_records"].created == 2
    assert differences("usage_records") == set()


def test_a_row_with_an_old_created_at_and_a_new_id_is_found_by_its_id(
    nexa: Settings, app: Run, differences: Differences
) -> None:
    load(nexa)
    app(USAGE, (900_003, 5, NOON, ONE, "backfilled", "2020-01-01 00:00+00"))
    report = load(nexa)["usage_records"]
    assert (report.mode, report.created) == ("incremental", 1)
    assert differences("usage_records") == set()


def test_a_row_without_a_watermark_is_not_lost(
    nexa: Settings, app: Run, differences: Differences
) -> None:
    load(nexa)
    app(
        "update plans set updated_at = null, price = price + 1 where code = (select min(code)"
        " from plans)"
    )
    load(nexa)
    assert differences("plans") == set()


def test_a_dry_run_counts_what_a_load_would_do_and_writes_nothing(
    nexa: Settings, app: Run, warehouse_sql: Run, raw_state: Callable[[], dict[str, str]]
) -> None:
    first = load(nexa, dry_run=True)
    assert (first["usage_records"].created, raw_state()) == (8095, {})
    load(nexa)
    before, logged = raw_state(), warehouse_sql("select count(*) from ops.load_runs")
    app(
        "update plans set price = price + 1, updated_at = now() where code = (select min(code)"
        " from plans)"
    )
    app("delete from users where email = (select min(email) from users)")
    app(USAGE, (900_000, -1, NOON, ONE, "broken", NOON))
    would = load(nexa, dry_run=True)
    assert (raw_state(), warehouse_sql("select count(*) from ops.load_runs")) == (before, logged)
    assert warehouse_sql("select count(*) from ops.rejected_rows") == [(0,)]
    did = load(nexa)
    for name in would:
        assert would[name].as_json() | {"seconds": 0} == did[name].as_json() | {"seconds": 0}


def test_one_load_at_a_time(nexa: Settings) -> None:
    with open_run_log(nexa, "nexacloud", "the first"):
        with pytest.raises(LoadInProgress, match="another load of nexacloud"):
            load(nexa)
    load(nexa)


def test_a_warehouse_without_ops_is_named_with_the_mend(
    nexa: Settings, warehouse_dsn: str, raw_state: Callable[[], dict[str, str]]
) -> None:
    administrator = warehouse_dsn.replace("//fusion_billing@", "//postgres@")
    with closing(psycopg2.connect(administrator)) as conn, conn, conn.cursor() as cursor:
        cursor.execute("drop schema ops cascade")
    with pytest.raises(OpsMissing, match=r"billing migrate"):
        load(nexa)
    assert raw_state() == {}


def test_only_the_chosen_tables_are_loaded(nexa: Settings, warehouse_sql: Run) -> None:
    assert list(load(nexa, tables=["usage_records", "raw_nexacloud.users"])) == [
        "users",
        "usage_records",
    ]
    assert warehouse_sql("select count(*) from raw_nexacloud.plans") == [(0,)]
    with pytest.raises(loaders.LoadError, match="no such table: nonsense"):
        load(nexa, tables=["nonsense"])


def test_all_tables_of_a_run_come_from_one_snapshot(
    nexa: Settings, app: Run, warehouse_sql: Run
) -> None:
    """What is written while the load is at the first table is in no later table either."""

    def write_meanwhile(event: loaders.Progress) -> None:
        if event.is_done and event.table == "raw_nexacloud.users":
            app(USAGE, (900_000, 1, NOON, ONE, "meanwhile", NOON))

    load(nexa, progress=write_meanwhile)
    assert app("select count(*) from usage_records") == [(8096,)]
    assert warehouse_sql("select count(*) from raw_nexacloud.usage_records") == [(8095,)]
    assert load(nexa)["usage_records"].created == 1


def test_progress_tells_rows_rate_and_the_end(nexa: Settings) -> None:
    seen: list[loaders.Progress] = []
    load(nexa, progress=seen.append)
    done = {event.table: event.rows for event in seen if event.is_done}
    assert done["raw_nexacloud.usage_records"] == 8095
    assert all(event.rows_per_second > 0 for event in seen if event.is_done)


def test_progress_tells_what_goes_on_and_how_much_is_expected(nexa: Settings, app: Run) -> None:
    load(nexa)
    app("update usage_records set created_at = now(); analyze usage_records")
    seen: list[loaders.Progress] = []
    load(nexa, progress=seen.append)
    ours = [event for event in seen if event.table == "raw_nexacloud.usage_records"]
    doing = list(dict.fromkeys(event.doing for event in ours))
    assert doing == ["looking for broken rows", "", "comparing", "merging"]
    assert all(event.total and 4_000 < event.total < 16_000 for event in ours)
    merging = next(event for event in ours if event.doing == "merging")
    assert (merging.rows, merging.eta_seconds is not None) == (8_095, True)
