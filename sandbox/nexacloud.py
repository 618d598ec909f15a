"""The NexaCloud database of the sandbox: its tables, its reader, its rows.

Flows in: a `Sample`, or the numbers of a generated load. Flows out: a database with the tables that
DESIGN section 3 lists. Owner is the app's role, and `odoo_billing_ro` may only read.

    python -m sandbox.nexacloud --dsn postgresql://... --subscriptions 500 --months 6
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterable

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from sandbox.rows import TABLES, Row, Sample

OWNER = "nexacloud"
READER = "odoo_billing_ro"

# No foreign keys and no checks: the real source may hold rows that break a rule, and the loaders
# must be seen to cope with them.
DDL = """
create table users (
    id uuid primary key, email text, full_name text, company_name text, country text,
    province text, is_active boolean, created_at timestamptz, updated_at timestamptz
);
create table plans (
    id uuid primary key, code text, name text, price numeric(12,2), currency text,
    billing_interval text, included_cpu_seconds numeric(20,6),
    overage_price_per_cpu_second numeric(16,6), is_active boolean,
    created_at timestamptz, updated_at timestamptz
);
create table subscriptions (
    id uuid primary key, user_id uuid, plan_id uuid, status text, started_at timestamptz,
    trial_ends_at timestamptz, current_period_start timestamptz, current_period_end timestamptz,
    cancelled_at timestamptz, created_at timestamptz, updated_at timestamptz
);
create table deployments (
    id uuid primary key, subscription_id uuid, user_id uuid, name text, status text,
    created_at timestamptz, terminated_at timestamptz, updated_at timestamptz
);
create table usage_records (
    id bigint primary key, subscription_id uuid, deployment_id uuid, metric text,
    quantity numeric(20,6), window_start timestamptz, window_end timestamptz,
    idempotency_key text, created_at timestamptz
);
create table invoices (
    id uuid primary key, number text, user_id uuid, subscription_id uuid,
    period_start timestamptz, period_end timestamptz, status text, currency text,
    subtotal numeric(12,4), tax numeric(12,4), total numeric(12,4), stripe_invoice_id text,
    issued_at timestamptz, created_at timestamptz, updated_at timestamptz
);
create table invoice_items (
    id uuid primary key, invoice_id uuid, kind text, period_start timestamptz,
    period_end timestamptz, description text, quantity numeric(20,6), unit_price numeric(16,6),
    amount numeric(12,4), created_at timestamptz
);
-- The one index that an incremental load needs at the source.
create index usage_records_created_at on usage_records (created_at, id);
"""


def create_tables(connection: Connection) -> None:
    """Create the empty tables, owned by the app's role and readable by the billing reader.

    The roles must exist; `connection` is a superuser's. Raises psycopg2.errors.DuplicateTable when
    the database is not new.
    """
    with connection.cursor() as cursor:
        cursor.execute(DDL)
        cursor.execute(f"alter schema public owner to {OWNER}")
        for table in TABLES:
            cursor.execute(f"alter table {table} owner to {OWNER}")
        cursor.execute(f"grant usage on schema public to {READER}")
        cursor.execute(f"grant select on all tables in schema public to {READER}")


def ensure_tables(connection: Connection) -> None:
    """Create roles and tables unless they are there."""
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('usage_records') is not null")
        if cursor.fetchone() == (True,):
            return
        for role in (OWNER, READER):
            cursor.execute("select 1 from pg_roles where rolname = %s", (role,))
            if cursor.fetchone() is None:
                cursor.execute(f"create role {role} login")
    create_tables(connection)


def fill(connection: Connection, sample: Sample) -> dict[str, int]:
    """Copy all rows of a sample in, and return the count by table; the caller commits."""
    return _each_table(connection, sample, _copy)


def merge(connection: Connection, sample: Sample) -> dict[str, int]:
    """Bring the database to a sample: add new rows, change those that differ, delete none."""
    return _each_table(connection, sample, _merge)


def _each_table(
    connection: Connection, sample: Sample, write: Callable[[Cursor, str, list[Row]], None]
) -> dict[str, int]:
    with connection.cursor() as cursor:
        for table, rows in sample.tables().items():
            if rows:
                write(cursor, table, rows)
        cursor.execute("analyze")
    return {table: len(rows) for table, rows in sample.tables().items()}


def _copy(cursor: Cursor, table: str, rows: list[Row]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), columns)
    cursor.copy_expert(statement, io.StringIO("".join(_copy_lines(rows))))


def _merge(cursor: Cursor, table: str, rows: list[Row]) -> None:
    cursor.execute(f"create temporary table incoming (like {table}) on commit drop")
    _copy(cursor, "incoming", rows)
    columns = [name for name in rows[0] if name != "id"]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
    cursor.execute(
        f"insert into {table} as old select * from incoming on conflict (id) do update "
        f"set {changes} where old is distinct from excluded"
    )
    cursor.execute("drop table incoming")


def _copy_lines(rows: Iterable[Row]) -> Iterable[str]:
    columns: list[str] | None = None
    for row in rows:
        columns = columns or list(row)
        yield "\t".join(_copy_value(row[name]) for name in columns) + "\n"


def _copy_value(value: object) -> str:
    """Write a value as COPY's text format wants it."""
    if value is None:
        return r"\N"
    text = str(value)
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return text


_SCALE_ENTITIES = """
insert into users
select md5('user' || n)::uuid, 'user' || n || '@example.com', 'User ' || n, 'Company ' || n, 'CA',
    (array['ON', 'QC', 'AB', 'BC'])[1 + n %% 4], true, %(start)s, %(start)s
from generate_series(1, greatest(%(subscriptions)s / 10, 1)) as n;

insert into plans
select md5('plan' || n)::uuid, 'scale-' || n, 'Scale ' || n, 10 * n, 'CAD', 'month',
    100000 * n, 0.000123, true, %(start)s, %(start)s
from generate_series(1, 20) as n;

insert into subscriptions
select md5('subscription' || n)::uuid,
    md5('user' || 1 + n %% greatest(%(subscriptions)s / 10, 1))::uuid,
    md5('plan' || 1 + n %% 20)::uuid, 'active', %(start)s, null,
    date_trunc('month', %(until)s::timestamptz), %(until)s, null, %(start)s, %(start)s
from generate_series(1, %(subscriptions)s) as n;

insert into deployments
select md5('deployment' || n)::uuid, md5('subscription' || n)::uuid,
    md5('user' || 1 + n %% greatest(%(subscriptions)s / 10, 1))::uuid, 'deployment-' || n,
    'running', %(start)s, null, %(start)s
from generate_series(1, %(subscriptions)s) as n;
"""

# Hour by hour, so that ids and created_at grow together as in an append-only table. Every 50th
# record is sent again three days later with another quantity and the same idempotency key.
_SCALE_USAGE = """
with sent as (
    select n, hour, is_repeat,
        hour + interval '65 minutes' + is_repeat * interval '3 days' as created_at
    from generate_series(%(start)s::timestamptz, %(until)s::timestamptz - interval '1 hour',
        interval '1 hour') as hour,
        generate_series(1, %(subscriptions)s) as n,
        generate_series(0, 1) as is_repeat
    where is_repeat = 0 or (n * 7919 + extract(epoch from hour)::bigint / 3600) %% 50 = 0
)
insert into usage_records
select %(first_id)s + row_number() over (order by created_at, n),
    md5('subscription' || n)::uuid, md5('deployment' || n)::uuid, 'cpu_seconds',
    ((n * 7919 + extract(epoch from hour)::bigint / 3600 * 104729) * 48271 %% 3600000000)::numeric
        / 1000000 + is_repeat * 17.25,
    hour, hour + interval '1 hour',
    n || ':' || extract(epoch from hour)::bigint, created_at
from sent
order by created_at, n
"""


def scale(connection: Connection, subscriptions: int, months: int, until: str) -> int:
    """Add `subscriptions` with hourly usage over `months` before `until`; return usage rows.

    All work is done by the server; one month is 730 hours, so 500 subscriptions and 6 months are
    about 2.2 million records. Call it once for a database: ids are derived from numbers. Keys and
    indexes of usage_records are rebuilt after the insert. The caller commits.
    """
    with connection.cursor() as cursor:
        cursor.execute("set local timezone to 'UTC'")
        cursor.execute(
            "select %s::timestamptz - %s * interval '730 hours', coalesce(max(id), 0) "
            "from usage_records",
            (until, months),
        )
        start, first_id = cursor.fetchone() or (None, 0)
        numbers = {"subscriptions": subscriptions, "start": start, "until": until}
        cursor.execute(_SCALE_ENTITIES, numbers)
        cursor.execute("alter table usage_records drop constraint usage_records_pkey")
        cursor.execute("drop index if exists usage_records_created_at")
        cursor.execute(_SCALE_USAGE, numbers | {"first_id": first_id})
        inserted: int = cursor.rowcount
        cursor.execute("alter table usage_records add primary key (id)")
        cursor.execute("create index usage_records_created_at on usage_records (created_at, id)")
        cursor.execute("analyze")
    return inserted


def main(arguments: list[str] | None = None) -> None:
    """Run the scale knob from the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.nexacloud", description=scale.__doc__)
    parser.add_argument("--dsn", required=True, help="the NexaCloud database, as its owner")
    parser.add_argument("--subscriptions", type=int, default=500)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--until", default="2026-06-01T04:00:00+00:00")
    parser.add_argument("--create", action="store_true", help="create the tables first")
    options = parser.parse_args(arguments)
    with psycopg2.connect(options.dsn) as connection:
        if options.create:
            create_tables(connection)
        rows = scale(connection, options.subscriptions, options.months, options.until)
    print(f"{rows} usage records for {options.subscriptions} subscriptions")  # noqa: T201


if __name__ == "__main__":
    main()
