"""How fast rating is: from nothing against DuckDB, a night against a full recompute and itself.

In: an embedded world of its own. Out: benchmarks/results/rating.md.

    python -m benchmarks.rating [nothing] [night]

DuckDB is an extra; BENCH_DUCKDB_PYTHON may name another interpreter that has it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.loader_world import Spent, row
from benchmarks.rating_world import RATED, SHARED_BUFFERS, RatingWorld, cluster
from sandbox.postgres import Cluster

RESULT = Path(__file__).parent / "results" / "rating.md"
HEAD = ["| way | median s | range s | CPU s |", "|---|---|---|---|"]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SCALE = float(os.environ.get("BENCH_SCALE", "1"))
PYTHON = os.environ.get("BENCH_DUCKDB_PYTHON", sys.executable)
DUCKDB = Path(__file__).parent / "rating_duckdb.py"
MAY = datetime(2026, 5, 1, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def from_nothing(server: Cluster) -> list[str]:
    """3M records, two a day of 25,000 subscriptions in May and June: 100,000 lines."""
    if subprocess.run([PYTHON, "-c", "import duckdb"], capture_output=True).returncode:
        return ["duckdb is not installed: `pip install .[bench]`, then again."]
    subscriptions = int(25_000 * SCALE)
    as_of = datetime(2026, 6, 30, tzinfo=UTC)
    world = RatingWorld(server, "nothing", subscriptions, MAY, as_of, "12 hours")
    world.create()
    records = world.meter(0, 118)
    folder = _export(world)
    ours: list[Spent] = []
    theirs: list[Spent] = []
    with subprocess.Popen(
        [PYTHON, str(DUCKDB), str(folder), str(ROUNDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as duckdb:
        for _ in range(ROUNDS):
            theirs.append(_their_turn(duckdb))
            ours.append(world.rate(RATED, full=True))
    lines = world.value("select count(*) from intermediate.int_rated_lines")
    _same(world, duckdb_sum=_sums[-1])
    world.drop()
    ratio = _median(lambda pair: pair[1].wall / pair[0].wall, theirs, ours)
    cpu = _median(lambda pair: pair[1].cpu / pair[0].cpu, theirs, ours)
    return [
        row("DuckDB", theirs),
        row("ours, all models with a full refresh", ours),
        "",
        f"{records:,} records to {lines:,} lines, with dedupe, from nothing: **{ratio:.1f}x**"
        f" DuckDB's time (bar 10x, goal 5x), {cpu:.1f}x its CPU. Both make the same lines, to the"
        " cent.",
    ]


_sums: list[tuple[int, str]] = []


def _their_turn(duckdb: subprocess.Popen[str]) -> Spent:
    assert duckdb.stdin is not None
    assert duckdb.stdout is not None
    duckdb.stdin.write("\n")
    duckdb.stdin.flush()
    wall, cpu, count, total = duckdb.stdout.readline().split()
    _sums.append((int(count), total))
    return Spent(float(wall), float(cpu))


def _same(world: RatingWorld, duckdb_sum: tuple[int, str]) -> None:
    ours = world.value(
        "select count(*) || ' ' || trim_scale(sum(amount)) from intermediate.int_rated_lines"
    )
    theirs = f"{duckdb_sum[0]} {duckdb_sum[1].rstrip('0').rstrip('.')}"
    if ours != theirs:
        raise SystemExit(f"the two do not rate the same: ours {ours}, DuckDB {theirs}")


def _export(world: RatingWorld) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bench-duckdb-", dir=world.cluster.home))
    for table in ("usage_records", "subscriptions", "plans"):
        with world.cluster.admin(world.name) as conn, conn.cursor() as cur:
            with (folder / f"{table}.csv").open("w") as file:
                cur.copy_expert(f"copy raw_nexacloud.{table} to stdout csv header", file)
    return folder


FULLS = 2
END = datetime(2026, 5, 20, 4, tzinfo=UTC)


@dataclass
class History:
    """A world with `hours` of hourly usage of each subscription, and what rating it took."""

    world: RatingWorld
    hours: int
    records: int = 0
    fulls: list[Spent] = field(default_factory=list)
    nights: list[Spent] = field(default_factory=list)

    def begin(self) -> None:
        self.world.create()
        self.records = self.world.meter(0, self.hours)
        self.fulls = [self.world.rate(full=True) for _ in range(FULLS)]

    def next_night(self) -> None:
        first = self.hours + len(self.nights) * 24
        self.world.meter(first, first + 24)
        self.nights.append(self.world.rate())


def nights(server: Cluster) -> list[str]:
    """120,000 new records a night on 10M and on 1M of history: hourly, 5,000 subscriptions."""
    as_of = END + timedelta(days=ROUNDS + 1)
    subscriptions = int(5_000 * SCALE)
    small, large = (
        History(RatingWorld(server, name, subscriptions, END - hours * HOUR, as_of), hours)
        for name, hours in (("small", 200), ("large", 2_000))
    )
    for history in (small, large):
        history.begin()
    for _ in range(ROUNDS):
        for history in (small, large):
            history.next_night()
    _same_as_anew(large.world)
    for history in (small, large):
        history.world.drop()
    return _night_report(small, large)


def _same_as_anew(world: RatingWorld) -> None:
    """What the nights made is what a full refresh makes, to the last digit."""
    lines = (
        "select count(*) || ' ' || md5(string_agg(md5(line::text), '' order by line_key))"
        " from marts.fct_invoice_lines as line"
    )
    by_nights = world.value(lines)
    world.rate(full=True)
    if by_nights != world.value(lines):
        raise SystemExit("the nights made other lines than a full refresh: do not trust the times")


def _night_report(small: History, large: History) -> list[str]:
    share = _of(large.nights, "wall") / _of(large.fulls, "wall")
    cpu_share = _of(large.nights, "cpu") / _of(large.fulls, "cpu")
    growth = _median(lambda pair: pair[1].cpu / pair[0].cpu, small.nights, large.nights)
    return [
        row(f"full recompute of {large.records:,} records", large.fulls),
        row(f"a night on {large.records:,}", large.nights),
        row(f"full recompute of {small.records:,} records", small.fulls),
        row(f"a night on {small.records:,}", small.nights),
        "",
        f"A night of 120,000 new records on {large.records:,}: **{share:.1%}** of a full"
        f" recompute's time (bar 20 %, goal 10 %), {cpu_share:.1%} of its CPU. The same night on"
        f" {large.records:,} against {small.records:,}: **{growth:.2f}x** the CPU (bar 1.5x, goal"
        " 1.2x). A night is every model from the raw tables to the invoice lines and"
        " the usage exceptions; after the last one, a full refresh made the same lines.",
    ]


def _of(rounds: list[Spent], clock: str) -> float:
    return float(statistics.median(getattr(spent, clock) for spent in rounds))


def _median(
    ratio: Callable[[tuple[Spent, Spent]], float], first: list[Spent], second: list[Spent]
) -> float:
    return statistics.median(ratio(pair) for pair in zip(first, second, strict=True))


PARTS = {
    "nothing": ("3M usage records to 100,000 lines, from nothing", from_nothing),
    "night": ("A night", nights),
}


def main(wanted: list[str]) -> None:
    lines = [
        "# Rating, measured",
        "",
        f"{ROUNDS} rounds a way, in turns, in one run on one machine; ratios are medians over",
        "pairs. Ours is the wall time from the first model's start to the last one's end, and the",
        "CPU of the PostgreSQL server with all its background work; dbt's own start and parse and",
        f"the data tests are left out. PostgreSQL has shared_buffers of {SHARED_BUFFERS} and one",
        "process a query; DuckDB has both cores and its own default memory.",
        "Made by `python -m benchmarks.rating`.",
    ]
    with cluster() as server:
        for name, (title, part) in PARTS.items():
            if not wanted or name in wanted:
                lines += ["", f"## {title}", "", *HEAD, *part(server)]
                print("\n".join(lines), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
