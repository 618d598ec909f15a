"""Deletions, late keys, edits that no watermark shows; and the guard of a table that shrinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import loaders
from connections import Settings
from loaders.errors import ShrinkRefused
from loaders.report import TableReport

Run = Callable[..., list[tuple[Any, ...]]]
Differences = Callable[[str], set[tuple[Any, ...]]]


def load(settings: Settings, **options: Any) -> dict[str, TableReport]:
    report = loaders.load(settings, only="nexacloud", **options)
    return {table.table: table for table in report.tables}


def test_a_deleted_row_is_marked_and_never_removed(
    nexa: Settings, app: Run, warehouse_sql: Run, differences: Differences
) -> None:
    load(nexa)
    app("delete from users where email = (select min(email) from users)")
    assert load(nexa)["users"].deleted == 1
    assert warehouse_sql("select count(*), count(_deleted_at) from raw_nexacloud.users") == [(7, 1)]
    assert differences("users") == set()


def test_a_row_that_comes_back_is_alive_again(
    nexa: Settings, app: Run, differences: Differences
) -> None:
    load(nexa)
    app("create table kept as select * from users where email = (select min(email) from users)")
    app("delete from users where id in (select id from kept)")
    load(nexa)
    app("insert into users select * from kept")
    assert load(nexa)["users"].updated == 1
    assert differences("users") == set()


def test_a_sweep_finds_what_came_in_under_the_watermark(
    nexa: Settings, app: Run, differences: Differences
) -> None:
    load(nexa)
    app("insert into users (id, email, created_at, updated_at)"
        " values (gen_random_uuid(), 'old@example.com', '2020-01-01', '2020-01-01')")  # fmt: skip
    report = load(nexa)["users"]
    assert (report.mode, report.created) == ("incremental+sweep", 1)
    assert differences("users") == set()


def test_usage_is_swept_once_a_week_and_the_sweep_finds_deletions(
    nexa: Settings, app: Run, warehouse_sql: Run, differences: Differences
) -> None:
    load(nexa)
    app("delete from usage_records where id in (select id from usage_records order by id limit 3)")
    assert load(nexa)["usage_records"].deleted == 0
    warehouse_sql("update ops.load_runs set started_at = started_at - interval '8 days'")
    report = load(nexa)["usage_records"]
    assert (report.mode, report.deleted) == ("incremental+sweep", 3)
    assert differences("usage_records") == set()


def test_full_finds_an_edit_that_no_watermark_shows(
    nexa: Settings, app: Run, differences: Differences
) -> None:
    load(nexa)
    app(
        "update usage_records set quantity = quantity + 1 where id = (select min(id) from"
        " usage_records)"
    )
    assert load(nexa)["usage_records"].updated == 0
    assert load(nexa, full=True)["usage_records"].updated == 1
    assert differences("usage_records") == set()


def test_a_sweep_finds_an_edited_amount_that_no_watermark_shows(
    nexa: Settings, app: Run, warehouse_sql: Run, differences: Differences
) -> None:
    """Keys agree, sums do not: items have no updated_at, usage is swept once a week."""
    app("update invoice_items set created_at = created_at - interval '1 year'"
        " where id = (select min(id::text)::uuid from invoice_items)")  # fmt: skip
    load(nexa)
    app("delete from invoice_items where id = (select max(id::text)::uuid from invoice_items)")
    app(
        "update invoice_items set amount = amount + 0.01"
        " where id = (select min(id::text)::uuid from invoice_items)"
    )
    (rows,) = app("select count(*) from invoice_items")[0]
    foreseen = load(nexa, allow_shrink=True, dry_run=True)["invoice_items"]
    report = load(nexa, allow_shrink=True)["invoice_items"]
    assert foreseen.as_json() | {"seconds": 0} == report.as_json() | {"seconds": 0}
    assert (report.created, report.updated, report.deleted) == (0, 1, 1)
    assert (report.unchanged, report.read) == (rows - 1, rows)
    assert report.notes == [
        "rows edited at the source without moving created_at: 1; so the table was read whole"
    ]
    assert differences("invoice_items") == set()
    app("update usage_records set quantity = 7.5 where id = (select min(id) from usage_records)")
    assert load(nexa)["usage_records"].updated == 0
    warehouse_sql("update ops.load_runs set started_at = started_at - interval '8 days'")
    report = load(nexa)["usage_records"]
    assert (report.updated, report.compared) == (1, "table")
    assert report.source_totals == report.raw_totals
    assert differences("usage_records") == set()


def test_a_copy_that_was_changed_by_hand_is_put_right_by_the_next_sweep(
    nexa: Settings, warehouse_sql: Run, differences: Differences
) -> None:
    load(nexa)
    warehouse_sql("update raw_nexacloud.plans set price = price + 1 where code = (select min(code)"
        " from raw_nexacloud.plans)")  # fmt: skip
    assert load(nexa)["plans"].updated == 1
    assert differences("plans") == set()


def test_a_table_that_shrinks_suspiciously_is_not_touched(
    nexa: Settings, app: Run, raw_state: Callable[[], dict[str, str]]
) -> None:
    load(nexa)
    before = raw_state()
    app("delete from plans where code > (select min(code) from plans)")
    with pytest.raises(ShrinkRefused, match=r"plans lost 231 of 232 .*--allow-shrink"):
        load(nexa)
    assert raw_state() == before
    assert load(nexa, allow_shrink=True)["plans"].deleted == 231


def test_an_emptied_source_table_is_refused_however_small(nexa: Settings, app: Run) -> None:
    load(nexa)
    app("delete from users where email <> (select min(email) from users)")
    load(nexa, allow_shrink=True)
    app("delete from users")
    with pytest.raises(ShrinkRefused, match="users lost 1 of 1"):
        load(nexa)
