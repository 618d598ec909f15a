"""Nothing is lost between two watermarks, and nothing old is paid for twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

import loaders
from connections import Settings
from loaders.contracts import Table
from loaders.tables import ALL, NEXACLOUD

Run = Callable[..., list[tuple[Any, ...]]]

SEEDS = 50
OVERLAP = timedelta(minutes=60)


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
        assert load(careless).tables[0].updated == (1 if may_see else 0)


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


# ------------------------------------------------------------- random schedules of an app and loads


@dataclass
class _Transaction:
    connection: Connection
    began: datetime


@dataclass
class _App:
    """An app with several open transactions, whose rows carry the instant their transaction began.

    Time is the schedule's own, so that an hour passes in no time; no transaction outlives the
    overlap.
    """

    dsn: str
    dice: random.Random
    stack: ExitStack
    now: datetime
    next_id: int
    open: list[_Transaction] = field(default_factory=list)

    def step(self) -> None:
        self.now += timedelta(
            minutes=self.dice.randrange(0, 6), milliseconds=self.dice.randrange(999)
        )
        for transaction in list(self.open):
            if self.now - transaction.began > OVERLAP - timedelta(minutes=6):
                self._end(transaction)
        self.dice.choices((self._begin, self._write, self._end_one), (3, 12, 3))[0]()

    def end_all(self) -> None:
        for transaction in list(self.open):
            self._end(transaction)

    def _begin(self) -> None:
        if len(self.open) < 4:
            connection = self.stack.enter_context(closing(psycopg2.connect(self.dsn)))
            self.open.append(_Transaction(connection, self.now))

    def _write(self) -> None:
        if not self.open:
            return
        transaction = self.dice.choice(self.open)
        with transaction.connection.cursor() as cursor:
            self.dice.choices((self._usage, self._user, self._rename), (5, 2, 3))[0](
                cursor, transaction.began
            )

    def _usage(self, cursor: Any, at: datetime) -> None:
        self.next_id += 1
        quantity = self.dice.choice(("1.5", "0", "-1", "NaN", "12.000001"))
        cursor.execute(
            "insert into usage_records (id, metric, quantity, window_start, window_end, created_at)"
            " values (%s, 'cpu_seconds', %s, %s, %s, %s)",
            (self.next_id, quantity, at, at, at),
        )

    def _user(self, cursor: Any, at: datetime) -> None:
        self.next_id += 1
        cursor.execute(
            "insert into users (id, email, updated_at) values (gen_random_uuid(), %s, %s)",
            (f"user{self.next_id}@example.com", at),
        )

    def _rename(self, cursor: Any, at: datetime) -> None:
        # Skip locked: two transactions of one thread would wait for each other forever.
        cursor.execute(
            "update users set full_name = %s, updated_at = %s where id = (select id from users"
            " where updated_at <= %s order by md5(email || %s) limit 1 for update skip locked)",
            (f"renamed {self.now}", at, at, str(self.next_id)),
        )

    def _end_one(self) -> None:
        if self.open:
            self._end(self.dice.choice(self.open))

    def _end(self, transaction: _Transaction) -> None:
        if self.dice.random() < 0.8:
            transaction.connection.commit()
        else:
            transaction.connection.rollback()
        transaction.connection.close()
        self.open.remove(transaction)


@contextmanager
def _schedule(dsn: str, seed: int) -> Iterator[_App]:
    with ExitStack() as stack:
        # The seeds of one test follow each other in one source: a day and a block of ids each.
        day = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=seed)
        yield _App(dsn, random.Random(seed), stack, day, (seed + 1) * 1_000)


def _play(settings: Settings, dsn: str, seed: int) -> None:
    with _schedule(dsn, seed) as app:
        for _ in range(app.dice.randrange(30, 60)):
            app.step()
            if app.dice.random() < 0.1:
                load(settings)
        app.end_all()
        load(settings)


USAGE_AND_USERS: tuple[Table, ...] = tuple(
    table for table in NEXACLOUD if table.name in ("users", "usage_records")
)


@pytest.fixture
def lost(app: Run, warehouse_sql: Run) -> Callable[[], list[str]]:
    """Names of the tables in which source and raw + rejected differ."""

    def names() -> list[str]:
        different = []
        for table in USAGE_AND_USERS:
            columns = ", ".join(
                f"{c.name}::text" if c.raw_type == "text" else c.name for c in table.columns
            )
            select = (
                "select md5(string_agg(t::text, '|' order by id::text)), count(*)"
                f" from (select {columns}"
            )
            fine = "quantity >= 0 and quantity < 'NaN'" if table.name == "usage_records" else "true"
            rejected = warehouse_sql(
                "select count(*) from ops.rejected_rows where resolved_at is null and"
                " table_name = %s",
                (table.name,),
            )
            theirs = app(f"{select} from {table.name} where {fine}) as t")
            ours = warehouse_sql(
                f"{select} from {table.schema}.{table.name} where _deleted_at is null) as t"
            )
            total = app(f"select count(*) from {table.name}")
            if theirs != ours or total[0][0] != ours[0][1] + rejected[0][0]:
                different.append(table.name)
        return different

    return names


@pytest.fixture
def no_sweep(app: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep would find what the watermark lost; few rows, for speed."""
    app("delete from usage_records; delete from users")
    never = tuple(replace(table, sweep_every=timedelta(days=365)) for table in ALL)
    monkeypatch.setattr("loaders.loading.ALL", never)


def test_random_interleavings_of_transactions_and_loads_end_equal_to_the_source(
    nexa: Settings,
    nexacloud_owner_dsn: str,
    lost: Callable[[], list[str]],
    no_sweep: None,
) -> None:
    for seed in range(SEEDS):
        _play(nexa, nexacloud_owner_dsn, seed)
        assert lost() == [], f"seed {seed}"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_random_interleavings_end_equal_to_the_source(
    nexa: Settings,
    nexacloud_owner_dsn: str,
    lost: Callable[[], list[str]],
    no_sweep: None,
    soak_seeds: int,
) -> None:
    for seed in range(SEEDS, SEEDS + soak_seeds):
        _play(nexa, nexacloud_owner_dsn, seed)
        assert lost() == [], f"seed {seed}"


def test_without_an_overlap_the_same_schedules_do_lose_rows(
    nexa: Settings,
    nexacloud_owner_dsn: str,
    lost: Callable[[], list[str]],
    no_sweep: None,
) -> None:
    """The test above can fail: this is what it would see."""
    careless = nexa.model_copy(update={"load_overlap_minutes": 0})
    for seed in range(SEEDS):
        _play(careless, nexacloud_owner_dsn, seed)
        if lost():
            return
    pytest.fail("no schedule lost a row without an overlap: the schedules are too tame")


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
