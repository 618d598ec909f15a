"""The first copy of usage_records against psql's own binary COPY pipe.

In: a world. Out: lines of a report. The reference is `psql -c 'copy ... to stdout' | psql -c 'copy
... from stdin'` into a plain table. Ours goes into a raw table with its bookkeeping columns, and
leaves out rows that break the contract. A second pair compares the whole first load with the pipe
plus what a person would have to do after it by hand.
"""

from __future__ import annotations

import subprocess
from contextlib import closing

import psycopg2
from psycopg2 import sql

import loaders
from benchmarks.loader_world import World, interleaved, median_ratio, row
from loaders import nexacloud_sql
from loaders.contracts import Table
from loaders.first_copy import copy_into_empty
from loaders.relations import column_definitions
from loaders.schema import ensure_raw_tables
from loaders.tables import NEXACLOUD
from sandbox.postgres import find_binaries

USAGE: Table = next(table for table in NEXACLOUD if table.name == "usage_records")


def bench_copy(world: World) -> list[str]:
    ways = {
        "psql pipe": (lambda: _plain_table(world), lambda: _psql_pipe(world)),
        "ours, copy": (lambda: _raw_table(world), lambda: _our_copy(world)),
    }
    rounds = interleaved(world, ways)
    speed, cpu = median_ratio(rounds["psql pipe"], rounds["ours, copy"])
    whole = {
        "psql pipe, then key, index, analyze, count and sum of both sides": (
            lambda: _plain_table(world),
            lambda: _pipe_and_the_rest(world),
        ),
        "ours, the whole first load": (lambda: _forget(world), lambda: _our_load(world)),
    }
    whole_rounds = interleaved(world, whole)
    theirs, ours = whole_rounds.values()
    whole_speed, whole_cpu = median_ratio(theirs, ours)
    return [
        *(row(name, spent) for name, spent in rounds.items()),
        *(row(name, spent) for name, spent in whole_rounds.items()),
        "",
        f"Copy alone: **{speed:.2f}x** the speed of psql at **{cpu:.2f}x** its CPU"
        " (bar: 0.80x at 1.25x; goal 0.95x).",
        f"The whole first load: {whole_speed:.2f}x at {whole_cpu:.2f}x CPU.",
    ]


def _plain_table(world: World) -> None:
    with world.warehouse() as conn, conn.cursor() as cur:
        columns = column_definitions(USAGE.columns).as_string(conn)
        cur.execute("drop table if exists plain")
        cur.execute(f"create table plain ({columns})")
        cur.execute("checkpoint")


def _raw_table(world: World) -> None:
    """The raw table without its indexes, as the reference has none."""
    with world.warehouse() as conn, conn.cursor() as cur:
        cur.execute("drop schema if exists raw_nexacloud cascade")
        ensure_raw_tables(conn)
        cur.execute("alter table raw_nexacloud.usage_records drop constraint usage_records_pkey")
        cur.execute("drop index raw_nexacloud.usage_records__loaded_at_idx")
        cur.execute("checkpoint")


def _forget(world: World) -> None:
    with world.warehouse() as conn, conn.cursor() as cur:
        cur.execute("drop schema if exists raw_nexacloud cascade; delete from ops.load_runs")
        cur.execute("checkpoint")


def _psql_pipe(world: World) -> None:
    psql = find_binaries() / "psql"
    with closing(psycopg2.connect(world.source_dsn)) as conn:
        columns = nexacloud_sql.selected(USAGE).as_string(conn)
    copy_out = f"copy (select {columns} from usage_records) to stdout (format binary)"
    reader = [str(psql), "-X", "-q", world.source_dsn, "-c", copy_out]
    writer = [
        str(psql),
        "-X",
        "-q",
        world.warehouse_dsn,
        "-c",
        "copy plain from stdin (format binary)",
    ]
    with subprocess.Popen(reader, stdout=subprocess.PIPE) as first:
        subprocess.run(writer, stdin=first.stdout, check=True)
    if first.returncode:
        raise RuntimeError("the reference pipe failed")


def _our_copy(world: World) -> None:
    with (
        closing(psycopg2.connect(world.source_dsn)) as source,
        closing(psycopg2.connect(world.warehouse_dsn)) as target,
        source.cursor() as reader,
        target.cursor() as writer,
    ):
        copy_out = nexacloud_sql.copy_valid("public", USAGE, sql.SQL("true"))
        copied = copy_into_empty(reader, writer, USAGE, copy_out, "bench", None)
        target.commit()
    assert copied.rows > 0


def _pipe_and_the_rest(world: World) -> None:
    _psql_pipe(world)
    totals = "select count(*), sum(quantity) from"
    with world.warehouse() as conn, conn.cursor() as cur:
        cur.execute("alter table plain add primary key (id); create index on plain (created_at)")
        cur.execute("analyze plain")
        cur.execute(f"{totals} plain")
    with world.source() as conn, conn.cursor() as cur:
        cur.execute(f"{totals} usage_records")


def _our_load(world: World) -> None:
    loaders.load(world.settings, tables=["usage_records"])
