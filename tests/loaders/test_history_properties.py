"""Whatever a source writes, versions follow each other without overlap and none is rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from loaders.history import record
from loaders.schema import ensure_raw_tables
from loaders.tables import NEXACLOUD

(PLANS,) = (table for table in NEXACLOUD if table.name == "plans")
START = datetime(2026, 1, 1, tzinfo=UTC)

# One look at the source: hours since the one before, price, the row's own time in hours, is gone.
LOOKS = st.lists(
    st.tuples(
        st.integers(0, 50),
        st.integers(1, 3),
        st.none() | st.integers(-100, 400),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def warehouse(warehouse_dsn: str) -> Iterator[Connection]:
    with closing(psycopg2.connect(warehouse_dsn)) as connection:
        ensure_raw_tables(connection)
        connection.commit()
        yield connection


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(looks=LOOKS)
def test_versions_are_monotone_and_never_rewritten(warehouse: Connection, looks: Any) -> None:
    warehouse.rollback()  # the example before
    with warehouse.cursor() as cur:
        seen_at, before = START, []
        for hours, price, own_hours, is_gone in looks:
            seen_at += timedelta(hours=hours)
            own = None if own_hours is None else START + timedelta(hours=own_hours)
            cur.execute(
                "insert into raw_nexacloud.plans (id, price, updated_at, _run_id, _loaded_at,"
                " _deleted_at) values ('p', %s, %s, 'x', now(), %s) on conflict (id) do update set"
                " price = excluded.price, updated_at = excluded.updated_at,"
                " _deleted_at = excluded._deleted_at",
                (price, own, seen_at if is_gone else None),
            )
            record(cur, PLANS, seen_at=seen_at, run_id="x", every_row=True)
            cur.execute(
                "select price, _version, _seen_at, _is_deleted, _valid_from, _valid_until"
                " from snapshots.nexacloud_plans order by _version"
            )
            versions = cur.fetchall()
            _follow_each_other(versions)
            # What was in force stays as it was, but for the end of what was newest.
            assert [row[:5] for row in versions[: len(before)]] == [row[:5] for row in before]
            ended = len(before) - 1 if before else 0
            assert [row[5] for row in versions[:ended]] == [row[5] for row in before[:ended]]
            assert versions[-1][3] == is_gone
            assert is_gone or versions[-1][0] == price
            if len(before) == len(versions):
                assert before == versions
            before = versions


def _follow_each_other(versions: list[tuple[Any, ...]]) -> None:
    assert [row[1] for row in versions] == list(range(1, len(versions) + 1))
    for one, following in pairwise(versions):
        assert one[4] < one[5] == following[4]
    assert versions[-1][5] is None
    for row in versions[1:]:
        assert row[4] <= row[2] + timedelta(milliseconds=1)
