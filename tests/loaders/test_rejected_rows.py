"""A row that breaks the contract is set aside with its reason: raw + rejected = source, always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import loaders
from connections import Settings
from loaders.report import TableReport

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


BROKEN = [
    ("quantity is NaN", ("NaN", NOON, ONE)),
    ("quantity is negative", (-1, NOON, ONE)),
    ("quantity is null", (None, NOON, ONE)),
    ("window_end is before window_start", (1, ONE, NOON)),
    ("window_start is null", (1, None, ONE)),
    ("window_end is infinite", (1, NOON, "infinity")),
]


@pytest.mark.parametrize("is_first", [True, False], ids=["first load", "later load"])
def test_rows_that_break_the_contract_are_rejected_with_a_reason_and_counted(
    nexa: Settings, app: Run, warehouse_sql: Run, is_first: bool
) -> None:
    if not is_first:
        load(nexa)
    for key, (_, (quantity, start, end)) in enumerate(BROKEN, start=900_000):
        app(USAGE, (key, quantity, start, end, f"broken {key}", NOON))
    report = load(nexa, run_id="this run")["usage_records"]
    rejected = warehouse_sql(
        "select row_key, reason, run_id, \"row\" ->> 'idempotency_key' from ops.rejected_rows"
        " where resolved_at is null order by row_key"
    )
    assert rejected == [
        (str(key), reason, "this run", f"broken {key}")
        for key, (reason, _) in enumerate(BROKEN, start=900_000)
    ]
    assert report.rejected == len(BROKEN)
    (source,) = app("select count(*) from usage_records")
    (raw,) = warehouse_sql(
        "select count(*) from raw_nexacloud.usage_records where _deleted_at is null"
    )
    assert raw[0] + len(BROKEN) == source[0]


def test_a_rejected_row_comes_back_by_itself_once_it_is_mended(
    nexa: Settings, app: Run, warehouse_sql: Run, differences: Differences
) -> None:
    app(USAGE, (900_000, -1, NOON, ONE, "broken", "2020-01-01"))
    load(nexa)
    load(nexa)
    assert warehouse_sql("select count(*) from ops.rejected_rows") == [(1,)]
    app("update usage_records set quantity = 1 where id = 900000")
    assert load(nexa)["usage_records"].created == 1
    assert warehouse_sql("select resolved_at is not null from ops.rejected_rows") == [(True,)]
    assert differences("usage_records") == set()


def test_a_loaded_row_that_breaks_leaves_the_live_rows(
    nexa: Settings, app: Run, warehouse_sql: Run
) -> None:
    load(nexa)
    app("update usage_records set quantity = -1 where id = (select max(id) from usage_records)")
    report = load(nexa, full=True)["usage_records"]
    assert (report.rejected, report.deleted) == (1, 0)
    assert warehouse_sql("select count(_deleted_at) from raw_nexacloud.usage_records") == [(1,)]


def test_rows_without_a_key_are_rejected_and_stay_one_rejection_each(
    nexa: Settings, app: Run, warehouse_sql: Run
) -> None:
    app(
        "alter table users drop constraint users_pkey; alter table users alter column id drop"
        " not null"
    )
    for _ in range(2):
        app("insert into users (email, updated_at) values ('nobody@example.com', now())")
    for _ in range(2):
        assert load(nexa)["users"].rejected == 2
    assert warehouse_sql("select count(*), min(reason) from ops.rejected_rows") == [
        (2, "id is null")
    ]


def test_check_tells_how_many_rejections_are_open(nexa: Settings, app: Run) -> None:
    app("update usage_records set quantity = -1 where id = (select min(id) from usage_records)")
    load(nexa)
    notes = {f.subject: f.detail for f in loaders.check(nexa).findings if f.status == "note"}
    assert notes["rejected nexacloud.usage_records"].startswith("1 open")
