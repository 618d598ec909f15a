"""The NexaCloud database: columns as the loaders read them, a reader that cannot write, a scale."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest

from loaders.tables import NEXACLOUD
from sandbox import nexacloud
from sandbox.postgres import Cluster
from sandbox.sample import build_sample


def query(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def test_the_tables_have_the_columns_that_are_loaded(nexacloud_dsn: str) -> None:
    found: dict[str, list[str]] = {}
    for table, column in query(
        nexacloud_dsn,
        "select table_name, column_name from information_schema.columns "
        "where table_schema = 'public' order by table_name, ordinal_position",
    ):
        found.setdefault(str(table), []).append(str(column))
    assert found == {table.source_name: list(table.column_names) for table in NEXACLOUD}


def test_no_column_holds_money_or_quantity_as_a_float_or_time_without_a_zone(
    nexacloud_dsn: str,
) -> None:
    types = query(
        nexacloud_dsn,
        "select distinct data_type from information_schema.columns where table_schema = 'public'",
    )
    assert {row[0] for row in types} <= {
        "uuid", "text", "boolean", "bigint", "numeric", "timestamp with time zone",
    }  # fmt: skip


def test_what_was_filled_in_is_what_the_sample_holds(nexacloud_dsn: str) -> None:
    for table, rows in build_sample().tables().items():
        names = list(rows[0])
        found = query(nexacloud_dsn, f"select {', '.join(names)} from {table}")
        assert sorted(found, key=lambda row: str(row[names.index("id")])) == sorted(
            (tuple(row.values()) for row in rows), key=lambda row: str(row[names.index("id")])
        )


@pytest.mark.parametrize(
    "statement",
    [
        "insert into usage_records (id) values (0)",
        "update plans set price = 0",
        "delete from invoices",
        "truncate users",
        "create table mine (id int)",
        "create temporary table mine (id int)",
        "create schema mine",
        "drop table users",
    ],
)
def test_the_reader_is_refused_every_write(cluster: Cluster, statement: str) -> None:
    from sandbox.world import create_nexacloud

    if not cluster.has_database("readers"):
        create_nexacloud(cluster, "readers", build_sample())
    with closing(psycopg2.connect(cluster.dsn("readers", nexacloud.READER))) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from users")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)


def test_the_scale_knob_makes_hours_of_usage_with_repeats(
    cluster: Cluster, database: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.ensure_role(nexacloud.OWNER)
    cluster.ensure_role(nexacloud.READER)
    dsn = database()
    nexacloud.main(["--dsn", dsn, "--subscriptions", "20", "--months", "2", "--create"])
    hours = 2 * 730 * 20
    row = query(
        dsn,
        "select count(*), count(distinct (subscription_id, idempotency_key)), count(distinct id), "
        "bool_and(window_end - window_start = interval '1 hour'), max(window_end)::text, "
        "count(distinct subscription_id) from usage_records",
    )[0]
    total, distinct = row[0], row[1]
    assert distinct == hours
    assert isinstance(total, int)
    assert 0.01 < (total - hours) / hours < 0.03
    assert f"{total} usage records" in capsys.readouterr().out
    assert (row[2], row[3], row[5]) == (total, True, 20)
    assert query(dsn, "select count(*) from subscriptions join users on users.id = user_id") == [
        (20,)
    ]
    # Ids grow with the time of writing, as in an append-only table.
    assert query(
        dsn,
        "select count(*) from (select created_at < lag(created_at) over (order by id) as back "
        "from usage_records) as steps where back",
    ) == [(0,)]


def test_scale_adds_to_a_sample_that_is_there(nexacloud_owner_dsn: str) -> None:
    with closing(psycopg2.connect(nexacloud_owner_dsn)) as connection, connection:
        added = nexacloud.scale(connection, 5, 1, "2026-06-01T04:00:00+00:00")
    assert query(nexacloud_owner_dsn, "select count(*) from usage_records") == [(8095 + added,)]
    assert query(nexacloud_owner_dsn, "select count(*) from subscriptions") == [(87 + 5,)]
