"""DuckDB rating the same usage: the yardstick, in its own native storage.

In: a folder with usage_records.csv, subscriptions.csv, plans.csv and a number of rounds. Out: one
line a round on stdout: wall seconds, CPU seconds, lines, their sum. Run by an interpreter that has
duckdb: `python rating_duckdb.py FOLDER ROUNDS`.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import duckdb

LOAD = """
create table usage_records as select * from read_csv('{folder}/usage_records.csv', types = {{
    'quantity': 'decimal(20, 6)', 'idempotency_key': 'varchar',
    'window_start': 'timestamptz', 'created_at': 'timestamptz'}});
create table subscriptions as select * from read_csv('{folder}/subscriptions.csv',
    types = {{'started_at': 'timestamptz'}});
create table plans as select * from read_csv('{folder}/plans.csv', types = {{
    'price': 'decimal(12, 2)', 'included_cpu_seconds': 'decimal(20, 6)',
    'overage_price_per_cpu_second': 'decimal(16, 6)'}});
checkpoint;
"""

# The same tables as ours, one a step: ledger, segments, usage by segment, lines.
RATE = """
create or replace table ledger as
select 'nexacloud:' || subscription_id as subscription_id, metric, quantity, id as written_number,
    window_start as event_at, created_at as written_at, row_number() over (
        partition by subscription_id, metric, idempotency_key order by created_at, id
    ) = 1 as is_counted
from usage_records;
create or replace table segments as
select 'nexacloud:' || subscriptions.id as subscription_id, subscriptions.plan_id,
    month_start as period_start, greatest(month_start, started_at) as segment_start,
    (month_start at time zone 'America/Toronto' + interval 1 month) at time zone 'America/Toronto'
    as segment_end
from subscriptions, (
    select (month at time zone 'America/Toronto') as month_start
    from generate_series({first_month}, {last_month}, interval 1 month) as months (month)
);
create or replace table usage_by_segment as
select ledger.subscription_id, segments.period_start, ledger.metric, count(*) as record_count,
    sum(quantity) as used_quantity, min(event_at) as first_event_at, max(event_at) as last_event_at
from ledger
join segments on ledger.subscription_id = segments.subscription_id
    and ledger.event_at >= segments.segment_start and ledger.event_at < segments.segment_end
where is_counted
group by all;
create or replace table rated_lines as
select sha256(subscription_id || period_start || kind)[:32] as line_key, subscription_id,
    period_start, kind, used_quantity, exact_amount, round(exact_amount, 2) as amount
from (
    select subscription_id, period_start, 'base' as kind, 1::decimal(20, 6) as used_quantity,
        price::decimal(38, 12) as exact_amount
    from segments join plans on segments.plan_id = plans.id
    union all
    select segments.subscription_id, segments.period_start, 'usage', coalesce(used_quantity, 0),
        (greatest(coalesce(used_quantity, 0) - included_cpu_seconds, 0)
            * overage_price_per_cpu_second)::decimal(38, 12)
    from segments join plans on segments.plan_id = plans.id
    left join usage_by_segment
        on segments.subscription_id = usage_by_segment.subscription_id
        and segments.period_start = usage_by_segment.period_start
);
checkpoint;
"""


def main(folder: Path, rounds: int) -> None:
    database = duckdb.connect(str(folder / "yardstick.duckdb"))
    database.execute("set timezone = 'UTC'")
    database.execute(LOAD.format(folder=folder))
    months = {"first_month": "timestamp '2026-05-01'", "last_month": "timestamp '2026-06-01'"}
    for _ in range(rounds):
        input()  # the caller says when it is our turn
        cpu, wall = _cpu(), time.perf_counter()
        database.execute(RATE.format(**months))
        wall, cpu = time.perf_counter() - wall, _cpu() - cpu
        made = database.execute("select count(*), sum(amount) from rated_lines").fetchone()
        print(wall, cpu, *(made or ()), flush=True)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
