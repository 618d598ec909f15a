"""New and changed rows into two million: our incremental load against dlt's merge.

In: a world whose usage_records are loaded by both. Out: lines of a report. Each round writes 50,000
new records and changes 50,000 of the latest quarter at the source, as late corrections do, and both
take them over, in turns. dlt runs as it is
documented: sql_database, an incremental cursor, write_disposition merge with strategy upsert on the
primary key, pyarrow in between and CSV into PostgreSQL (its fastest way there); only
`pipeline.run` is measured, not its imports.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import loaders
from benchmarks.loader_world import ROUNDS, USAGE_ROWS, Spent, World, row, spent

PART = 50_000
SCRIPT = Path(__file__).parent / "dlt_merge.py"
# dlt is an extra; its interpreter may be another one, so that its pins touch nobody else's.
PYTHON = os.environ.get("BENCH_DLT_PYTHON", sys.executable)

CHANGE = """
insert into usage_records
select n, md5('s' || n %% 500)::uuid, md5('d' || n %% 500)::uuid, 'cpu_seconds', 1.5,
    %(at)s, %(at)s, 'record-' || n, %(at)s
from generate_series(%(first)s, %(first)s + %(part)s - 1) as n;
update usage_records set quantity = quantity + 1, created_at = %(at)s
where id > %(rows)s * 3 / 4 and id <= %(rows)s and id %% %(every)s = %(round)s
"""


def bench_merge(world: World) -> list[str]:
    if subprocess.run([PYTHON, "-c", "import dlt, pyarrow"], capture_output=True).returncode:
        return ["dlt is not installed: `pip install .[bench]`, then again."]
    state = Path(tempfile.mkdtemp(prefix="billing-bench-dlt-", dir=world.cluster.home))
    ours: list[Spent] = []
    theirs: list[float] = []
    with world.warehouse() as conn, conn.cursor() as cur:
        cur.execute("drop schema if exists raw_nexacloud cascade; delete from ops.load_runs")
    first = loaders.load(world.settings, tables=["usage_records"]).tables[0]
    dlt_first = _dlt(world, state)
    for number in range(ROUNDS):
        _change(world, number)
        theirs.append(_dlt(world, state))
        ours.append(spent(world, lambda: _merge(world)))
    _same_rows(world)
    ratio = statistics.median(t / o.wall for t, o in zip(theirs, ours, strict=True))
    return [
        row("ours, load of 100,000", ours),
        f"| dlt, merge of the same | {statistics.median(theirs):.2f} | {min(theirs):.2f} to"
        f" {max(theirs):.2f} | |",
        "",
        f"Merge of 100,000 new and changed rows: **{ratio:.1f}x** as fast as dlt"
        " (bar 3x, goal 5x).",
        f"First load of {USAGE_ROWS:,} rows: dlt {dlt_first:.0f} s, ours {first.seconds:.1f} s.",
    ]


def _change(world: World, number: int) -> None:
    every = USAGE_ROWS // 4 // PART
    with world.source() as conn, conn.cursor() as cur:
        cur.execute(
            CHANGE,
            {
                "at": f"2026-02-{number + 1:02} 00:00+00",
                "first": USAGE_ROWS + number * PART + 1,
                "part": PART,
                "rows": USAGE_ROWS,
                "every": every,
                "round": number,
            },
        )
        cur.execute("vacuum analyze usage_records")


def _merge(world: World) -> None:
    report = loaders.load(world.settings, tables=["usage_records"]).tables[0]
    if (report.created, report.updated) != (PART, PART):
        raise RuntimeError(f"expected {PART} new and changed rows, merged {report}")


def _same_rows(world: World) -> None:
    """Both did the whole work."""
    totals = "select count(*), sum(quantity) from"
    with world.warehouse() as conn, conn.cursor() as cur:
        cur.execute(
            f"{totals} raw_nexacloud.usage_records union {totals} dlt_nexacloud.usage_records"
        )
        if cur.rowcount != 1:
            raise RuntimeError(f"the two copies differ: {cur.fetchall()}")


def _dlt(world: World, state: Path) -> float:
    """Seconds of one pipeline.run in a process of its own."""
    given = {"source": world.source_dsn, "target": world.warehouse_dsn, "state": str(state)}
    done = subprocess.run(
        [PYTHON, str(SCRIPT), json.dumps(given)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"dlt failed: {done.stderr[-2000:]}")
    return float(done.stdout.strip().splitlines()[-1])
