"""Laws of the Odoo loads: whole, exact, nothing guessed, nothing rewritten without need."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import loaders
from connections import Settings
from connections.odoo import OdooPort
from loaders.report import TableReport
from loaders.tables import ODOO

Run = Callable[..., list[tuple[Any, ...]]]


def load(settings: Settings, *tables: str, **options: Any) -> dict[str, TableReport]:
    report = loaders.load(settings, only="odoo", tables=tables or None, **options)
    return {table.table: table for table in report.tables}


def test_every_model_arrives_whole(erp: Settings, odoo_sql: Run, warehouse_sql: Run) -> None:
    reports = load(erp, run_id="first")
    assert list(reports) == [table.name for table in ODOO]
    for table in ODOO:
        theirs = odoo_sql(f"select count(*) from {table.name}")
        assert theirs == warehouse_sql(f"select count(*) from raw_odoo.{table.name}"), table.name
        assert reports[table.name].created == theirs[0][0]
        kept = "_run_id = 'first' and _loaded_at > now() - interval '1 hour' and _loaded_at < now()"
        unkept = f"select count(*) from raw_odoo.{table.name} where ({kept}) is not true"
        assert warehouse_sql(unkept) == [(0,)], table.name
    assert reports["sale_order"].read == 87
    # More than one page of 50.
    assert reports["fusion_billing_charge"].read == 232


@pytest.mark.both_apis
def test_values_arrive_as_odoo_holds_them(erp: Settings, odoo_sql: Run, warehouse_sql: Run) -> None:
    odoo_sql(
        "update fusion_billing_charge set price_per_unit = 1234567.000123, included_quantity = 0.1"
        " where id = (select min(id) from fusion_billing_charge)"
    )
    load(erp)
    money = "select sum(price_per_unit), sum(included_quantity) from"
    assert odoo_sql(f"{money} fusion_billing_charge") == warehouse_sql(
        f"{money} raw_odoo.fusion_billing_charge"
    )
    assert warehouse_sql("select max(price_per_unit) from raw_odoo.fusion_billing_charge") == [
        (Decimal("1234567.000123"),)
    ]
    columns = (
        "id, name, partner_id, currency_id, amount_untaxed, date_order at time zone 'UTC',"
        " is_subscription, plan_id, x_fc_nexacloud_subscription_id, client_order_ref"
    )
    theirs = odoo_sql(
        f"select {columns.replace(' at time zone ' + chr(39) + 'UTC' + chr(39), '')}"
        " from sale_order order by id"
    )
    assert theirs == warehouse_sql(f"select {columns} from raw_odoo.sale_order order by id")


def test_an_empty_value_is_null_and_a_false_boolean_is_false(
    erp: Settings, warehouse_sql: Run
) -> None:
    load(erp, "res.partner", "account.tax")
    assert warehouse_sql(
        "select count(*) filter (where vat = 'false'), count(*) filter (where vat is null) > 0,"
        " count(*) filter (where is_company is null) from raw_odoo.res_partner"
    ) == [(0, True, 0)]
    assert warehouse_sql(
        "select count(*) from raw_odoo.account_tax where children_tax_ids is null"
    ) == [(0,)]


def test_archived_records_are_records(erp: Settings, admin: OdooPort, warehouse_sql: Run) -> None:
    (partner,) = admin.search("res.partner", [("is_company", "=", True)], limit=1)
    admin.execute("res.partner", "write", [partner], {"active": False})
    load(erp, "res.partner")
    assert warehouse_sql("select active from raw_odoo.res_partner where id = %s", [partner]) == [
        (False,)
    ]


def test_a_second_load_rewrites_nothing(
    erp: Settings, raw_state: Callable[[], dict[str, str]]
) -> None:
    load(erp)
    before = raw_state()
    assert {(r.created, r.updated, r.deleted) for r in load(erp).values()} == {(0, 0, 0)}
    load(erp, full=True)
    assert raw_state() == before


def test_a_change_is_merged_and_a_deletion_is_marked(
    erp: Settings, admin: OdooPort, warehouse_sql: Run
) -> None:
    load(erp, "res.partner")
    first, *_, last = admin.search("res.partner", [("ref", "=", False)], order="id")
    created = admin.execute("res.partner", "create", {"name": "New"})
    admin.execute("res.partner", "write", [first], {"name": "Renamed"})
    report = load(erp, "res.partner", run_id="second")["res_partner"]
    assert (report.mode, report.created, report.updated) == ("incremental", 1, 1)
    names = warehouse_sql("select name from raw_odoo.res_partner where _run_id = 'second'")
    assert sorted(names) == [("New",), ("Renamed",)]
    new = created[0] if isinstance(created, list) else created
    admin.execute("res.partner", "unlink", [new])
    warehouse_sql("update ops.load_runs set started_at = started_at - interval '1 day'")
    report = load(erp, "res.partner")["res_partner"]
    assert (report.mode, report.deleted) == ("incremental+sweep", 1)
    assert warehouse_sql("select id from raw_odoo.res_partner where _deleted_at is not null") == [
        (new,)
    ]
    assert last != new


def test_a_sweep_finds_a_record_that_the_window_does_not_show(
    erp: Settings, odoo_sql: Run, warehouse_sql: Run
) -> None:
    load(erp, "res.partner")
    odoo_sql(
        "insert into res_partner (name, active, is_company, write_date, create_date)"
        " values ('Imported with an old date', true, false, '2020-01-01', '2020-01-01')"
    )
    assert load(erp, "res.partner")["res_partner"].created == 0
    warehouse_sql("update ops.load_runs set started_at = started_at - interval '1 day'")
    assert load(erp, "res.partner")["res_partner"].created == 1


def test_a_dry_run_counts_and_writes_nothing(
    erp: Settings, admin: OdooPort, raw_state: Callable[[], dict[str, str]], warehouse_sql: Run
) -> None:
    assert load(erp, dry_run=True)["sale_order"].created == 87
    assert raw_state() == {}
    load(erp)
    before = raw_state()
    (partner,) = admin.search("res.partner", [("is_company", "=", True)], limit=1)
    admin.execute("res.partner", "write", [partner], {"name": "Renamed"})
    assert load(erp, dry_run=True)["res_partner"].updated == 1
    assert raw_state() == before
    assert warehouse_sql("select count(*) from ops.load_runs where is_dry_run") == [(0,)]


def test_an_unreadable_record_is_rejected_with_its_reason_and_comes_back(
    erp: Settings, odoo_sql: Run, warehouse_sql: Run
) -> None:
    (fixed,) = odoo_sql("select quantity from fusion_billing_usage order by id limit 1")[0]
    where = "where id = (select min(id) from fusion_billing_usage)"
    odoo_sql(f"update fusion_billing_usage set quantity = 'NaN' {where}")
    report = load(erp, "fusion.billing.usage")["fusion_billing_usage"]
    assert (report.rejected, report.created) == (1, report.read - 1)
    assert warehouse_sql("select reason from ops.rejected_rows") == [
        ("quantity: NaN is not a number",)
    ]
    odoo_sql(
        f"update fusion_billing_usage set quantity = %s, write_date = '2020-01-01' {where}",
        (fixed,),
    )
    assert load(erp, "fusion.billing.usage")["fusion_billing_usage"].created == 1
    assert warehouse_sql("select resolved_at is not null from ops.rejected_rows") == [(True,)]


def test_check_tells_an_empty_model_from_one_that_was_never_loaded(erp: Settings) -> None:
    def said() -> str:
        findings = {finding.subject: finding.detail for finding in loaders.check(erp).findings}
        return findings["account.payment"]

    assert said().endswith("not loaded yet")
    load(erp, "account.payment")
    assert said().endswith("loaded when it was empty")


def test_what_this_odoo_lacks_is_on_record_as_looked_at(
    odoo_community: Any, settings_for: Callable[..., Settings], warehouse_sql: Run
) -> None:
    lacking = {t.name for t in ODOO if t.name.startswith(("fusion_", "sale_subscription"))}
    for _ in range(2):
        reports = load(settings_for(odoo_community))
        assert {name for name, report in reports.items() if report.mode == "absent"} == lacking
    runs = warehouse_sql(
        "select table_name, count(*), min(status) from ops.load_runs where mode = 'absent'"
        " group by table_name"
    )
    assert set(runs) == {(name, 2, "succeeded") for name in lacking}
