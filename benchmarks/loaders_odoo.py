"""Reading account.move.line against a bare id-keyset loop of search_read.

In: a world; an Odoo stand-in with many journal items is started beside it. Out: lines of a report.
The reference only reads: odoorpc as it comes, the same fields, pages of 2000, and throws the
records away. Ours is the whole load: preflight, the same pages, exact conversion, COPY, log; once
into an empty table, and once with `--full`, which stages all of it and compares it with what is
there.
"""

from __future__ import annotations

import os
from contextlib import closing

import odoorpc
import psycopg2

import loaders
from benchmarks.loader_world import World, interleaved, median_ratio, row
from connections.settings import Settings, load_settings
from loaders.tables import ODOO
from sandbox.standin import Standin, start_standin

LINES = int(os.environ.get("BENCH_ODOO_LINES", "100000"))
PAGE = 2000
TABLE = next(table for table in ODOO if table.name == "account_move_line")

FILL = """
insert into account_move (id, name, move_type, state, company_id, date, create_date, write_date)
select n, 'INV/' || n, 'out_invoice', 'posted', 1, '2026-05-01', localtimestamp, localtimestamp
from generate_series(1000001, 1000000 + {moves}) as n;
insert into account_move_line (id, move_id, display_type, name, quantity, price_unit, discount,
    price_subtotal, price_total, balance, company_id, create_date, write_date)
select n, 1000001 + n % {moves}, 'product', 'Line ' || n, 2, n * 0.01, 0, n * 0.02, n * 0.0226,
    -n * 0.02, 1, localtimestamp, localtimestamp
from generate_series(1000001, 1000000 + {lines}) as n;
"""


def bench_odoo(world: World) -> list[str]:
    world.cluster.ensure_role("odoo")
    world.cluster.create_database("odoo", owner="odoo")
    standin = start_standin(world.cluster.home / "odoo", world.cluster.dsn("odoo", "odoo"))
    try:
        with closing(psycopg2.connect(standin.dsn)) as conn, conn, conn.cursor() as cur:
            cur.execute(FILL.format(lines=LINES, moves=LINES // 4))
        settings = _settings(world, standin)
        ways = {
            "bare search_read loop": (lambda: None, lambda: _bare(settings)),
            "ours, the first load": (lambda: _forget(world), lambda: _ours(settings)),
            "ours, `--full` on what is there": (lambda: None, lambda: _ours_again(settings)),
        }
        rounds = interleaved(world, ways)
    finally:
        standin.stop()
    theirs, ours, again = rounds.values()
    speed, _ = median_ratio(theirs, ours)
    full, _ = median_ratio(theirs, again)
    rate = LINES / min(spent.wall for spent in ours)
    return [
        *(row(name, spent) for name, spent in rounds.items()),
        "",
        f"Reading {LINES:,} journal items: **{speed:.2f}x** the bare loop (bar 0.8x, goal 0.95x);"
        f" {rate:,.0f} records a second at best. With `--full`: {full:.2f}x.",
        "A real Odoo 19 gave about 4,200 a second, so that less of the time is ours there.",
        "The CPU column leaves the stand-in out; it does the same work for both.",
    ]


def _settings(world: World, standin: Standin) -> Settings:
    return load_settings(
        billing_home=world.cluster.home,
        warehouse_dsn=world.warehouse_dsn,
        odoo_url=standin.url,
        odoo_db=standin.db,
        odoo_user=standin.user,
        odoo_password=standin.password,
        odoo_page_size=PAGE,
    )


def _bare(settings: Settings) -> None:
    client = odoorpc.ODOO("127.0.0.1", port=int(settings.odoo_url.rsplit(":", 1)[1]))
    client.login(settings.odoo_db, settings.odoo_user, settings.odoo_password.get_secret_value())
    fields, after, read = list(TABLE.column_names), 0, 0
    while True:
        page = client.execute_kw(
            TABLE.source_name,
            "search_read",
            [[("id", ">", after)]],
            {"fields": fields, "order": "id", "limit": PAGE, "context": {"active_test": False}},
        )
        read += len(page)
        if len(page) < PAGE:
            break
        after = page[-1]["id"]
    assert read >= LINES


def _forget(world: World) -> None:
    with world.warehouse() as conn, conn.cursor() as cur:
        cur.execute("drop schema if exists raw_odoo cascade; delete from ops.load_runs")


def _ours(settings: Settings) -> None:
    report = loaders.load(settings, tables=["account.move.line"]).tables[0]
    assert report.created >= LINES


def _ours_again(settings: Settings) -> None:
    report = loaders.load(settings, tables=["account.move.line"], full=True).tables[0]
    assert report.unchanged >= LINES
