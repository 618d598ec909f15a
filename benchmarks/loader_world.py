"""The world of the loader benchmarks, and how two ways of one job are compared in it.

In: nothing. Out: an embedded PostgreSQL with a NexaCloud of two million usage records and a
migrated warehouse; medians of wall time and of CPU time. CPU is all of it: ours, that of children,
that of the PostgreSQL server on both ends.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from psycopg2.extensions import connection

from connections.settings import Settings, load_settings
from publishers.migrate import upgrade
from sandbox import nexacloud
from sandbox.postgres import Cluster

USAGE_ROWS = int(os.environ.get("BENCH_ROWS", "2000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))

FILL = """
insert into usage_records
select n, md5('s' || n % 500)::uuid, md5('d' || n % 500)::uuid, 'cpu_seconds',
    ((n * 7919) % 3600000000 / 1000000.0)::numeric(20, 6),
    '2025-01-01'::timestamptz + (n / 500) * interval '1 hour',
    '2025-01-01'::timestamptz + (n / 500 + 1) * interval '1 hour',
    'record-' || n, '2025-01-01'::timestamptz + (n / 500 + 1) * interval '1 hour'
from generate_series(1::bigint, {rows}) as n
"""


@dataclass(frozen=True)
class World:
    cluster: Cluster
    settings: Settings

    @property
    def source_dsn(self) -> str:
        return self.cluster.dsn("nexacloud")

    @property
    def warehouse_dsn(self) -> str:
        return self.cluster.dsn("warehouse")

    @contextmanager
    def source(self) -> Iterator[connection]:
        with self.cluster.admin("nexacloud") as conn:
            yield conn

    @contextmanager
    def warehouse(self) -> Iterator[connection]:
        with self.cluster.admin("warehouse") as conn:
            yield conn


@dataclass(frozen=True)
class Spent:
    """Seconds of one round."""

    wall: float
    cpu: float


@contextmanager
def world() -> Iterator[World]:
    """Start it, fill it, and take it away again."""
    home = Path(tempfile.mkdtemp(prefix="billing-bench-"))
    home.chmod(0o755)  # where PostgreSQL must run as nobody, it has to reach its folder
    cluster = Cluster(home).start()
    try:
        for role in (nexacloud.OWNER, nexacloud.READER):
            cluster.ensure_role(role)
        cluster.create_database("nexacloud")
        cluster.create_database("warehouse")
        with cluster.admin("nexacloud") as conn, conn.cursor() as cur:
            nexacloud.create_tables(conn)
            cur.execute(FILL.format(rows=USAGE_ROWS))
            cur.execute("vacuum analyze usage_records")
        upgrade(cluster.dsn("warehouse"))
        settings = load_settings(
            billing_home=home,
            nexacloud_dsn=cluster.dsn("nexacloud", nexacloud.READER),
            warehouse_dsn=cluster.dsn("warehouse"),
        )
        yield World(cluster, settings)
    finally:
        cluster.stop(immediate=True)
        shutil.rmtree(home, ignore_errors=True)


def spent(world: World, work: Callable[[], None]) -> Spent:
    """Run it once between two looks at the clocks."""
    _wait_for_sessions(world)
    cpu, wall = _cpu_seconds(world), time.perf_counter()
    work()
    wall = time.perf_counter() - wall
    _wait_for_sessions(world)
    return Spent(wall, _cpu_seconds(world) - cpu)


def interleaved(
    world: World, ways: Mapping[str, tuple[Callable[[], None], Callable[[], None]]]
) -> dict[str, list[Spent]]:
    """ROUNDS times each way in turn, after its own preparation, which is not measured."""
    rounds: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (prepare, work) in ways.items():
            prepare()
            rounds[name].append(spent(world, work))
    return rounds


def median_ratio(theirs: list[Spent], ours: list[Spent]) -> tuple[float, float]:
    """How many times as fast as theirs we are, and our share of their CPU: medians over pairs."""
    speed = statistics.median(t.wall / o.wall for t, o in zip(theirs, ours, strict=True))
    cpu = statistics.median(o.cpu / t.cpu for t, o in zip(theirs, ours, strict=True))
    return speed, cpu


def row(name: str, rounds: list[Spent]) -> str:
    wall = statistics.median(r.wall for r in rounds)
    cpu = statistics.median(r.cpu for r in rounds)
    low, high = min(r.wall for r in rounds), max(r.wall for r in rounds)
    return f"| {name} | {wall:.2f} | {low:.2f} to {high:.2f} | {cpu:.2f} |"


def _wait_for_sessions(world: World) -> None:
    """A session's CPU time reaches its postmaster when its process is gone: a moment after its
    client, and after the server has forgotten it.
    """
    server = _server(world)
    while any(map(_is_session, server.children())):
        time.sleep(0.01)


def _is_session(process: psutil.Process) -> bool:
    """By its title, `postgres: user database host doing`; who has just died has none."""
    try:
        title = " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False
    return not title or any(f" {name} " in title for name in ("nexacloud", "warehouse"))


def _server(world: World) -> psutil.Process:
    pid = world.cluster.pid
    assert pid is not None  # the server was started by us
    return psutil.Process(pid)


def _cpu_seconds(world: World) -> float:
    """Of this process and its finished children, and of the PostgreSQL server with all sessions."""
    times = os.times()
    total = times.user + times.system + times.children_user + times.children_system
    server = _server(world)
    total += sum(server.cpu_times()[:4])
    for child in server.children():
        try:
            total += sum(child.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return total
