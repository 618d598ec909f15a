"""Random schedules of an app's transactions and of loads end equal to the source."""

from __future__ import annotations

import random
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
ROUGH_SEEDS = 10
OVERLAP = timedelta(minutes=60)
QUANTITIES = ("1.5", "0", "-1", "NaN", "12.000001")


def load(settings: Settings) -> None:
    loaders.load(settings, tables=["users", "usage_records"], allow_shrink=True)


@dataclass
class _Transaction:
    connection: Connection
    began: datetime


@dataclass
class _App:
    """An app with several open transactions, whose rows carry the instant their transaction began.

    Time is the schedule's own, so that an hour passes in no time; no transaction outlives the
    overlap. A rough one deletes, too, and edits usage in place, which moves no watermark.
    """

    dsn: str
    dice: random.Random
    stack: ExitStack
    now: datetime
    next_id: int
    is_rough: bool
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
        kinds: list[Callable[[Any, datetime], None]] = [self._usage, self._user, self._rename]
        weights = [5, 2, 3]
        if self.is_rough:
            kinds += [self._edit, self._delete_usage, self._delete_user]
            weights += [3, 2, 1]
        with transaction.connection.cursor() as cursor:
            self.dice.choices(kinds, weights)[0](cursor, transaction.began)

    def _usage(self, cursor: Any, at: datetime) -> None:
        self.next_id += 1
        cursor.execute(
            "insert into usage_records (id, metric, quantity, window_start, window_end, created_at)"
            " values (%s, 'cpu_seconds', %s, %s, %s, %s)",
            (self.next_id, self.dice.choice(QUANTITIES), at, at, at),
        )

    def _user(self, cursor: Any, at: datetime) -> None:
        self.next_id += 1
        cursor.execute(
            "insert into users (id, email, updated_at) values (gen_random_uuid(), %s, %s)",
            (f"user{self.next_id}@example.com", at),
        )

    def _rename(self, cursor: Any, at: datetime) -> None:
        cursor.execute(
            "update users set full_name = %s, updated_at = %s where"
            + self._some("users", "updated_at <= %s"),
            (f"renamed {self.now}", at, at),
        )

    def _edit(self, cursor: Any, _: datetime) -> None:
        """Break a record, fix it, or change its quantity: created_at stays."""
        # No two alike: edits that cancel each other out in a sum are for `--full`.
        quantity = self.dice.choice(("-1", "NaN", str(self.dice.randrange(10**12) / 10**6)))
        cursor.execute(
            "update usage_records set quantity = %s where" + self._some("usage_records", "true"),
            (quantity,),
        )

    def _delete_usage(self, cursor: Any, _: datetime) -> None:
        cursor.execute("delete from usage_records where" + self._some("usage_records", "true"))

    def _delete_user(self, cursor: Any, _: datetime) -> None:
        cursor.execute("delete from users where" + self._some("users", "true"))

    def _some(self, table: str, where: str) -> str:
        """A row of the dice's choice, the same for the same seed."""
        # Skip locked: two transactions of one thread would wait for each other forever.
        key = "email" if table == "users" else "id::text"
        return (
            f" id = (select id from {table} where {where}"
            f" order by md5({key} || '{self.dice.random()}') limit 1 for update skip locked)"
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
def _schedule(dsn: str, seed: int, is_rough: bool) -> Iterator[_App]:
    with ExitStack() as stack:
        # The seeds of one test follow each other in one source: a day and a block of ids each.
        day = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=seed)
        yield _App(dsn, random.Random(seed), stack, day, (seed + 1) * 1_000, is_rough)


def _play(settings: Settings, dsn: str, seed: int, *, is_rough: bool = False) -> None:
    with _schedule(dsn, seed, is_rough) as app:
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
    _sweep_every(timedelta(days=365), app, monkeypatch)


@pytest.fixture
def sweep(app: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every load compares all keys and sums, of usage_records, too."""
    _sweep_every(timedelta(0), app, monkeypatch)


def _sweep_every(interval: timedelta, app: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    app("delete from usage_records; delete from users")
    tables = tuple(replace(table, sweep_every=interval) for table in ALL)
    monkeypatch.setattr("loaders.loading.ALL", tables)


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


def test_random_deletions_and_edits_that_move_no_watermark_end_equal_where_loads_sweep(
    nexa: Settings, nexacloud_owner_dsn: str, lost: Callable[[], list[str]], sweep: None
) -> None:
    for seed in range(ROUGH_SEEDS):
        _play(nexa, nexacloud_owner_dsn, seed, is_rough=True)
        assert lost() == [], f"seed {seed}"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_random_deletions_and_edits_end_equal_where_loads_sweep(
    nexa: Settings,
    nexacloud_owner_dsn: str,
    lost: Callable[[], list[str]],
    sweep: None,
    soak_seeds: int,
) -> None:
    for seed in range(ROUGH_SEEDS, ROUGH_SEEDS + soak_seeds):
        _play(nexa, nexacloud_owner_dsn, seed, is_rough=True)
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
