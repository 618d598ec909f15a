"""How long the finance pages take on 20,000 subscriptions x 12 months.

In: a world that `billing demo` has made (`--home`), or one of its own; in it the sample's rows are
multiplied, see dashboard_world.py. Out: benchmarks/results/dashboard.md. Each page's own code runs,
headless, with nothing kept from the run before; what the browser draws is not in it. Beside the
seconds on the clock stand those of the processors (Python's and the server's): on a busy machine
the clock says how busy it is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import make_dsn

from benchmarks.dashboard_world import BUILT, multiply
from connections.settings import Settings, load_settings
from orchestration import dbt

NAME = "bench_pages"
CUSTOMER = "customer"
# Each page by its module, with what its address says beside.
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    **{
        page: (page, {})
        for page in (
            *("home", "customers", "month", "reconciliation", "exceptions", "invoices"),
            *("approvals", "cutover", "revenue", "recurring", "month_end"),
        )
    },
    "one customer": ("customers", {CUSTOMER: ""}),
    "search for a name": ("search", {"word": "maple dental"}),
    "search for nothing": ("search", {"word": "no such word"}),
}
RESULT = Path(__file__).parent / "results" / "dashboard.md"
LIMIT_SECONDS = 2
# A session that is closed counts a moment later.
SETTLE_SECONDS = 0.3
SCRIPT = """
from dashboards.views import {page}
{page}.show()
"""


def main() -> None:
    """Make the world, time the pages, write the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--home", type=Path, help="a world of `billing demo`; else one is made")
    arguments.add_argument("--subscriptions", type=int, default=20_000)
    arguments.add_argument("--months", type=int, default=12)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--keep", action="store_true", help="use the world of the last run")
    options = arguments.parse_args()
    with _home(options.home) as home:
        _measure(home, options)


@contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    """The world that was named, or one of this run's own, gone afterwards."""
    if given is not None:
        yield given
        return
    home = Path(tempfile.mkdtemp(prefix="billing-bench-"))
    home.chmod(0o755)
    billing = Path(sys.executable).with_name("billing")
    environment = {**os.environ, "BILLING_HOME": str(home)}
    try:
        subprocess.run([billing, "demo"], env=environment, check=True, capture_output=True)
        yield home
    finally:
        subprocess.run([billing, "down"], env=environment, check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def _measure(home: Path, options: argparse.Namespace) -> None:
    settings = load_settings(billing_home=home)
    dsn = _world(settings, options)
    os.environ.update(
        BILLING_HOME=str(home),
        DASHBOARD_READER_DSN=make_dsn(dsn, user="finance_reader"),
        DASHBOARD_APPROVER_DSN=make_dsn(dsn, user="finance_approver"),
    )
    PAGES["one customer"][1][CUSTOMER] = _a_customer(dsn)
    postmaster = _postmaster(dsn)
    times = {page: _time(page, options.runs, postmaster) for page in PAGES}
    _write(times, _rows(dsn), options)


def _world(settings: Settings, options: argparse.Namespace) -> str:
    warehouse = settings.dsn("warehouse")
    dsn = make_dsn(warehouse, dbname=NAME)
    if options.keep:
        return dsn
    admin = psycopg2.connect(make_dsn(warehouse, user="postgres", dbname="postgres"))
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"drop database if exists {NAME} with (force)")
        cursor.execute(f"create database {NAME} template warehouse owner fusion_billing")
    admin.close()
    # As the administrator and without triggers: copies of decisions are nobody's.
    conn = psycopg2.connect(make_dsn(dsn, user="postgres"))
    with conn.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute("drop table if exists marts.dim_build")  # built in place below
    started = time.perf_counter()
    size = multiply(conn, options.subscriptions, options.months)
    conn.close()
    print(f"made in {time.perf_counter() - started:.0f} s: {size}")
    started = time.perf_counter()
    multiplied = settings.model_copy(update={"warehouse_dsn": dsn})
    dbt.run(multiplied, "run", "--select", *BUILT, in_place=True)
    print(f"built in {time.perf_counter() - started:.0f} s: {', '.join(BUILT)}")
    return dsn


@dataclass(frozen=True)
class Taken:
    """Seconds of one run: on the clock, and of the processors."""

    clock: float
    processors: float


def _time(page: str, runs: int, postmaster: int) -> list[Taken]:
    """What each run took, the first (imports, cold buffers) left out."""
    from streamlit.testing.v1 import AppTest

    from dashboards import data

    module, address = PAGES[page]
    times = []
    for _ in range(runs + 1):
        data.forget()
        app = AppTest.from_string(SCRIPT.format(page=module), default_timeout=300)
        for name, value in address.items():
            app.query_params[name] = value
        started, before = time.perf_counter(), _processor_seconds(postmaster)
        app.run()
        clock = time.perf_counter() - started
        time.sleep(SETTLE_SECONDS)
        times.append(Taken(clock, _processor_seconds(postmaster) - before))
        if app.exception or app.error:
            raise SystemExit(f"{page}: {[*app.exception, *app.error]}")
    print(page, *(f"{t.clock:.2f} s ({t.processors:.2f} s)" for t in times[1:]))
    return times[1:]


def _a_customer(dsn: str) -> str:
    with psycopg2.connect(dsn) as conn, conn.cursor() as cursor:
        cursor.execute(
            "select service || ':' || external_customer_id from marts.dim_subscriptions"
            " where is_held order by subscription_id desc limit 1"
        )
        (key,) = cursor.fetchone() or ("",)
    return str(key)


def _postmaster(dsn: str) -> int:
    """The server's first process, which counts the seconds of every session that has ended."""
    with psycopg2.connect(dsn) as conn, conn.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (backend,) = cursor.fetchone() or (0,)
    return int(_process(backend)[1])


def _process(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the command's name: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _processor_seconds(postmaster: int) -> float:
    children_user, children_system = _process(postmaster)[13:15]
    ticks = int(children_user) + int(children_system)
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _rows(dsn: str) -> dict[str, int]:
    counts = {}
    with psycopg2.connect(dsn) as conn, conn.cursor() as cursor:
        for table in ("fct_reconciliation", "fct_invoice_lines", "dim_customers"):
            cursor.execute(f"select count(*) from marts.{table}")
            counts[table] = (cursor.fetchone() or (0,))[0]
    return counts


def _write(
    times: dict[str, list[Taken]], rows: dict[str, int], options: argparse.Namespace
) -> None:
    lines = [
        "# Finance pages",
        "",
        f"{options.subscriptions:,} subscriptions x {options.months} months:"
        f" {', '.join(f'{count:,} rows of {table}' for table, count in rows.items())}.",
        "Each page's own code, headless, nothing kept from the run before, medians. The"
        " sample's rows stand there many times: see benchmarks/dashboard_world.py.",
        "",
        f"Load of the machine meanwhile: {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors;"
        f" niceness of this run and its server: {os.nice(0)}.",
        "",
        f"| page | on the clock | of the processors | under {LIMIT_SECONDS} s |",
        "|---|---|---|---|",
    ]
    for page, taken in times.items():
        clock = statistics.median(each.clock for each in taken)
        processors = statistics.median(each.processors for each in taken)
        verdict = {0: "no", 1: "of the processors only", 2: "yes"}[
            (clock < LIMIT_SECONDS) + (processors < LIMIT_SECONDS)
        ]
        lines.append(f"| {page} | {clock:.2f} s | {processors:.2f} s | {verdict} |")
    RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
