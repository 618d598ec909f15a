"""Odoo tells seconds and sorts by microseconds: no record is lost between two windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import loaders
from connections import Settings
from connections.odoo import OdooPort
from loaders.report import TableReport

if TYPE_CHECKING:
    pass

Run = Callable[..., list[tuple[Any, ...]]]


def load(settings: Settings, *tables: str, **options: Any) -> dict[str, TableReport]:
    report = loaders.load(settings, only="odoo", tables=tables or None, **options)
    return {table.table: table for table in report.tables}


def _spread_within_one_second(odoo_sql: Run) -> None:
    """Later ids were written earlier within the same second, as concurrent transactions do."""
    odoo_sql(
        "update sale_order set write_date = timestamp '2026-06-01 10:00:00' + (100 - id % 100)"
        " * interval '7 milliseconds'"
    )


def test_a_composite_cursor_loses_records_and_the_id_within_the_window_does_not(
    erp: Settings, admin: OdooPort, odoo_sql: Run, warehouse_sql: Run
) -> None:
    """Odoo sorts by microseconds and tells seconds: why paging goes by the id alone."""
    _spread_within_one_second(odoo_sql)
    seen: set[int] = set()
    domain: list[Any] = []
    while page := admin.search_read(
        "sale.order", domain, ["write_date"], order="write_date, id", limit=10
    ):
        seen |= {record["id"] for record in page}
        at, last = page[-1]["write_date"], page[-1]["id"]
        domain = ["|", ("write_date", ">", at), "&", ("write_date", "=", at), ("id", ">", last)]
    assert len(seen) < 87, "the composite cursor lost nothing: this test has lost its point"
    load(erp.model_copy(update={"odoo_page_size": 10}), "sale.order")
    assert warehouse_sql("select count(*) from raw_odoo.sale_order") == [(87,)]


def test_a_write_in_the_second_of_the_watermark_is_not_lost(erp: Settings, odoo_sql: Run) -> None:
    _spread_within_one_second(odoo_sql)
    load(erp, "sale.order")
    odoo_sql(
        "update sale_order set client_order_ref = 'late', write_date = '2026-06-01 10:00:00.9'"
        " where id = (select min(id) from sale_order)"
    )
    assert load(erp, "sale.order")["sale_order"].updated == 1


def test_a_transaction_that_commits_late_within_the_overlap_is_not_lost(
    erp: Settings, odoo_sql: Run
) -> None:
    load(erp, "sale.order")
    (watermark,) = odoo_sql("select max(write_date) from sale_order")[0]
    odoo_sql(
        "update sale_order set client_order_ref = 'late', write_date = %s - interval '9 minutes'"
        " where id = (select min(id) from sale_order)",
        (watermark,),
    )
    assert load(erp, "sale.order")["sale_order"].updated == 1


def test_what_is_written_behind_the_cursor_while_pages_are_read_comes_with_the_next_load(
    erp: Settings, odoo_sql: Run
) -> None:
    """The watermark is the greatest write_date before the first page, not the greatest seen."""
    (before,) = odoo_sql("select date_trunc('second', max(write_date)) from sale_order")[0]
    done: list[bool] = []

    def write_meanwhile(event: loaders.Progress) -> None:
        if event.rows == 20 and not done:
            done.append(True)
            odoo_sql(
                "update sale_order set client_order_ref = 'behind', write_date = %s + interval"
                " '1 h'"
                " where id = (select min(id) from sale_order)",
                (before,),
            )
            odoo_sql(
                "update sale_order set client_order_ref = 'ahead', write_date = %s + interval '2 h'"
                " where id = (select max(id) from sale_order)",
                (before,),
            )

    # Small pages: the one after this is on its way already, the last one is not.
    small = erp.model_copy(update={"odoo_page_size": 20})
    report = load(small, "sale.order", progress=write_meanwhile)["sale_order"]
    assert done
    assert report.watermark is not None
    assert report.watermark.replace(tzinfo=None) == before
    assert load(erp, "sale.order")["sale_order"].updated == 1
