"""The world of the rating benchmarks: a warehouse full of made-up usage, and dbt over it.

In: numbers of subscriptions and of hours. Out: raw tables, and what a build of the models spent:
wall from the first model's start to the last one's end, dbt's own start and parse left out, and
the CPU of the PostgreSQL server alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from psycopg2.extensions import parse_dsn

from benchmarks.loader_world import Spent
from loaders.history import record
from loaders.schema import ensure_raw_tables
from loaders.tables import ALL
from publishers.migrate import upgrade
from sandbox.postgres import Cluster

ROOT = Path(__file__).parents[1]
# What the yardstick makes too; and all that a night makes of usage, to the last line and exception.
RATED = ("+int_rated_lines",)
LINES = ("+fct_invoice_lines", "+fct_usage_exceptions")

SHARED_BUFFERS = "2GB"

ENTITIES = """
insert into raw_odoo.res_currency (id, name, decimal_places, active, _run_id, _loaded_at)
values (1, 'CAD', 2, true, 'bench', '2020-01-01');
insert into raw_nexacloud.plans (id, code, name, price, currency, billing_interval,
    included_cpu_seconds, overage_price_per_cpu_second, created_at, updated_at, _run_id, _loaded_at)
select 'plan-' || n, 'p' || n, 'P' || n, 10 * n, 'CAD', 'month', 1000 * n, 0.000123,
    '2020-01-01', '2020-01-01', 'bench', '2020-01-01'
from generate_series(1, 20) as n;
insert into raw_nexacloud.subscriptions (id, user_id, plan_id, status, started_at, created_at,
    updated_at, _run_id, _loaded_at)
select md5('s' || n)::uuid::text, 'u', 'plan-' || 1 + n %% 20, 'active', %(start)s, %(start)s,
    %(start)s, 'bench', '2020-01-01'
from generate_series(1, %(subscriptions)s) as n;
"""

# One record in fifty is sent again three days later, with another quantity and the same key.
USAGE = """
insert into raw_nexacloud.usage_records (id, subscription_id, deployment_id, metric, quantity,
    window_start, window_end, idempotency_key, created_at, _run_id, _loaded_at)
select %(first_id)s + row_number() over (order by sent_at, n), md5('s' || n)::uuid::text,
    md5('d' || n)::uuid::text, 'cpu_seconds',
    ((n * 7919 + hour * 104729) * 48271 %% 3600000000)::numeric / 1000000 + again,
    event_at, event_at + interval '1 hour', md5(n || ':' || hour), sent_at, 'bench', %(loaded_at)s
from (
    select n, hour, again, %(start)s::timestamptz + hour * %(step)s::interval as event_at,
        %(start)s::timestamptz + hour * %(step)s::interval + interval '65 minutes'
        + again * interval '3 days' as sent_at
    from generate_series(1::bigint, %(subscriptions)s) as n,
        generate_series(%(from)s::bigint, %(until)s - 1) as hour,
        generate_series(0, 1) as again
    where again = 0 or (n * 7919 + hour) %% 50 = 0
) as sent
"""


@dataclass
class RatingWorld:
    """One warehouse: `subscriptions` meter every `step`, from `start` on; loads are numbered."""

    cluster: Cluster
    name: str
    subscriptions: int
    start: datetime
    as_of: datetime
    step: str = "1 hour"
    loads: int = 0
    rows: int = 0
    target: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="bench-target-")))
    manifest: Any = None

    def create(self) -> None:
        dsn = self.cluster.create_database(self.name)
        upgrade(dsn)
        with self.cluster.admin(self.name) as conn:
            ensure_raw_tables(conn)
            values = {"start": self.start, "subscriptions": self.subscriptions}
            with conn.cursor() as cur:
                cur.execute(ENTITIES, values)
                for table in ALL:
                    record(cur, table, seen_at=self.as_of, run_id="bench", every_row=True)
        self.manifest = self._dbt(["parse"])
        self._dbt(["seed"])

    def meter(self, first: int, until: int) -> int:
        """Write the records of steps `first` to `until`, as one load; how many there were."""
        self.loads += 1
        values = {
            "first_id": self.rows,
            "start": self.start,
            "step": self.step,
            "from": first,
            "until": until,
            "subscriptions": self.subscriptions,
            "loaded_at": datetime(2026, 1, 1, self.loads, tzinfo=UTC),
        }
        with self.cluster.admin(self.name) as conn, conn.cursor() as cur:
            cur.execute(USAGE, values)
            written = int(cur.rowcount)
            cur.execute("analyze raw_nexacloud.usage_records")
        self.rows += written
        return written

    def rate(self, select: Sequence[str] = LINES, *, full: bool = False) -> Spent:
        """Build what `select` names, no tests. Raises RuntimeError where a model fails."""
        arguments = ["build", "--select", *select, "--resource-type", "model"]
        arguments += ["--vars", f"as_of: '{self.as_of.isoformat()}'"]
        before = self._server_cpu()
        results = self._dbt([*arguments, *(["--full-refresh"] if full else [])]).results
        times = [timing for result in results for timing in result.timing]
        wall = max(t.completed_at for t in times) - min(t.started_at for t in times)
        return Spent(wall.total_seconds(), self._server_cpu() - before)

    def value(self, query: str) -> Any:
        with self.cluster.admin(self.name) as conn, conn.cursor() as cur:
            cur.execute(query)
            return (cur.fetchone() or (None,))[0]

    def drop(self) -> None:
        self.cluster.drop_database(self.name)
        shutil.rmtree(self.target, ignore_errors=True)

    def _dbt(self, arguments: Sequence[str]) -> Any:
        from dbt.cli.main import dbtRunner

        parts = parse_dsn(self.cluster.dsn(self.name))
        for key, value in {"PASSWORD": "", **{k.upper(): v for k, v in parts.items()}}.items():
            os.environ[f"WAREHOUSE_{key}"] = str(value)
        os.environ["BILLING_AS_OF"] = self.as_of.isoformat()
        os.environ["BILLING_SCHEMA_SUFFIX"] = ""  # in place: what is measured is the rating
        flags = ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT / "dbt_project"), "--quiet"]
        flags += ["--target-path", str(self.target), "--log-path", str(self.target)]
        outcome = dbtRunner(manifest=self.manifest).invoke([*arguments, *flags])
        if not outcome.success:
            failed = [r for r in getattr(outcome.result, "results", []) if r.status == "error"]
            raise RuntimeError(f"dbt {arguments[0]}: {[r.message for r in failed]}")
        return outcome.result

    def _server_cpu(self) -> float:
        """Of the server with all its sessions; one that ended has reached its parent by now."""
        pid = self.cluster.pid
        assert pid is not None  # the server was started by us
        server = psutil.Process(pid)
        total = sum(server.cpu_times()[:4])
        for child in server.children():
            try:
                total += sum(child.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
        return total


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of its own, gone afterwards, with the memory of a warehouse, not of a toy."""
    home = Path(tempfile.mkdtemp(prefix="billing-bench-"))
    home.chmod(0o755)  # where PostgreSQL must run as nobody, it has to reach its folder
    server = Cluster(home).start()
    with server.admin() as conn, conn.cursor() as cur:
        cur.execute("alter system set shared_buffers = %s", [SHARED_BUFFERS])
    server.stop()
    server.start()
    try:
        yield server
    finally:
        server.stop(immediate=True)
        shutil.rmtree(home, ignore_errors=True)
