"""What no watermark shows is found: edits under it, columns that are listed later, hostile rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import loaders
from connections import Settings
from connections.odoo import OdooPort
from loaders.report import TableReport

Run = Callable[..., list[tuple[Any, ...]]]
Differences = Callable[[str], set[tuple[Any, ...]]]


def load(settings: Settings, **options: Any) -> dict[str, TableReport]:
    report = loaders.load(settings, **{"only": "nexacloud", **options})
    return {table.table: table for table in report.tables}


def one(table: str) -> str:
    return f"id = (select min(id::text)::uuid from {table})"


@pytest.mark.parametrize(
    ("table", "edit"),
    [
        ("users", "province = 'BC'"),
        ("plans", "code = 'renamed'"),
        ("plans", "price = 999, updated_at = updated_at - interval '1 year'"),
        ("subscriptions", "user_id = gen_random_uuid()"),
        ("deployments", "status = 'gone', updated_at = '2001-01-01'"),
        ("invoices", "status = 'void'"),
        ("invoice_items", "description = 'edited'"),
    ],
)
def test_an_edit_far_under_the_watermark_is_found_by_the_next_load(
    nexa: Settings, app: Run, differences: Differences, table: str, edit: str
) -> None:
    watermark = "created_at" if table == "invoice_items" else "updated_at"
    app(f"update {table} set {watermark} = '2024-01-01' where {one(table)}")
    load(nexa)
    app(f"update {table} set {edit} where {one(table)}")
    load(nexa)
    assert differences(table) == set()
    again = load(nexa)[table]
    assert (again.mode, again.updated, again.notes) == ("incremental+sweep", 0, [])


def test_two_edits_that_cancel_each_other_out_in_a_sum_are_found(
    nexa: Settings, app: Run, differences: Differences
) -> None:
    app("update plans set updated_at = updated_at - interval '1 year' where code <>"
        " (select max(code) from plans)")  # fmt: skip
    load(nexa)
    app(
        "update plans set price = price + case when code = (select min(code) from plans) then 1"
        " else -1 end where code in (select code from plans where price > 1 order by code limit 1)"
        " or code = (select min(code) from plans)"
    )
    load(nexa)
    assert differences("plans") == set()


def test_a_column_that_is_listed_later_fills_the_rows_that_are_there(
    nexa: Settings, app: Run, warehouse_sql: Run, differences: Differences
) -> None:
    load(nexa)
    for schema, table in (("raw_nexacloud", "users"), ("snapshots", "nexacloud_users")):
        warehouse_sql(f"alter table {schema}.{table} drop column email")
    warehouse_sql("alter table raw_nexacloud.usage_records drop column deployment_id")
    before = warehouse_sql("select count(*) from snapshots.nexacloud_users")
    reports = load(nexa)
    assert {reports[name].mode for name in ("users", "usage_records")} == {"full"}
    assert reports["plans"].mode == "incremental+sweep"
    assert reports["users"].notes == ["read for the first time: email; so the table was read whole"]
    assert differences("users") == differences("usage_records") == set()
    # To be read for the first time is no change of the row.
    assert warehouse_sql("select count(*) from snapshots.nexacloud_users") == before
    assert warehouse_sql("select count(*) from snapshots.nexacloud_users where email is null") == [
        (0,)
    ]
    assert {load(nexa)[name].mode for name in ("users", "usage_records")} == {
        "incremental",
        "incremental+sweep",
    }


def test_a_new_column_is_remembered_until_a_load_succeeded(
    nexa: Settings, app: Run, warehouse_sql: Run, differences: Differences
) -> None:
    load(nexa)
    warehouse_sql("alter table raw_nexacloud.users drop column country")
    app("create table kept as select * from plans")
    app("delete from plans")
    with pytest.raises(loaders.LoadError):
        load(nexa)
    load(nexa, dry_run=True, allow_shrink=True)
    app("insert into plans select * from kept")
    assert load(nexa)["users"].mode == "full"
    assert differences("users") == set()


def test_a_field_that_an_odoo_gets_later_fills_the_records_that_are_there(
    erp: Settings, admin: OdooPort, odoo_sql: Run, warehouse_sql: Run, monkeypatch: Any
) -> None:
    """A module that is installed moves no write_date."""
    odoo_sql("update res_partner set city = 'Regina', write_date = '2020-01-01' where id = 1")
    everything = OdooPort.fields_get

    def without_city(port: OdooPort, *arguments: Any) -> Any:
        return {name: kind for name, kind in everything(port, *arguments).items() if name != "city"}

    with monkeypatch.context() as patch:
        patch.setattr(OdooPort, "fields_get", without_city)
        load(erp, only="odoo", tables=["res_partner"])
        load(erp, only="odoo", tables=["res_partner"])
    city = "select city from raw_odoo.res_partner where id = 1"
    assert warehouse_sql(city) == [(None,)]
    report = load(erp, only="odoo", tables=["res_partner"])["res_partner"]
    assert report.notes == ["read for the first time: city; so the table was read whole"]
    assert warehouse_sql(city) == [("Regina",)]
    assert warehouse_sql("select _version, city from snapshots.odoo_res_partner where id = 1") == [
        (1, "Regina")
    ]
    assert load(erp, only="odoo", tables=["res_partner"])["res_partner"].mode != "full"


HOSTILE = [
    ("plans", "price = -0.01", "price is negative"),
    ("plans", "included_cpu_seconds = -1", "included_cpu_seconds is negative"),
    ("plans", "overage_price_per_cpu_second = -1", "overage_price_per_cpu_second is negative"),
    ("plans", "price = 'NaN'", "price is NaN"),
    ("subscriptions", "started_at = '0001-01-01'", "started_at is before 2000"),
    ("subscriptions", "started_at = '0044-03-15 BC'", "started_at is before 2000"),
    ("subscriptions", "started_at = '9999-12-31', cancelled_at = null", "started_at is after 2100"),
    (
        "subscriptions",
        "cancelled_at = started_at - interval '1 second'",
        "cancelled_at is before started_at",
    ),
    ("subscriptions", "started_at = '-infinity'", "started_at is infinite"),
]


@pytest.mark.parametrize(("table", "edit", "reason"), HOSTILE)
def test_a_row_that_no_one_can_bill_by_is_rejected_and_its_last_good_version_stays(
    nexa: Settings, app: Run, warehouse_sql: Run, table: str, edit: str, reason: str
) -> None:
    load(nexa)
    app(f"update {table} set {edit} where {one(table)}")
    assert load(nexa)[table].rejected == 1
    assert warehouse_sql("select table_name, reason from ops.rejected_rows") == [(table, reason)]
    assert warehouse_sql(
        "select max(_version), bool_or(_is_deleted), count(*) filter (where _valid_until is null)"
        f" = count(distinct id) from snapshots.nexacloud_{table}"
    ) == [(1, False, True)]
