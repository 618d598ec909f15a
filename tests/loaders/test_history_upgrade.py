"""A warehouse whose history dbt kept is carried over: every version, no table of dbt lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest

from loaders.schema import ensure_raw_tables
from loaders.tables import ALL

Run = Callable[..., list[tuple[Any, ...]]]

DBT = (
    "dbt_scd_id text, dbt_updated_at timestamptz, dbt_valid_from timestamptz,"
    " dbt_valid_to timestamptz"
)
JAN, FEB, MAR, APR = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4))


@pytest.fixture
def old(warehouse_dsn: str, warehouse_sql: Run) -> Callable[[], None]:
    """A warehouse with raw tables and no history; the answer upgrades it."""

    def upgrade() -> None:
        with closing(psycopg2.connect(warehouse_dsn)) as connection, connection:
            ensure_raw_tables(connection)

    upgrade()
    for table in ALL:
        if table.has_history:
            warehouse_sql(f"drop table snapshots.{table.history_name}")
    return upgrade


def versions(warehouse_sql: Run, table: str, columns: str) -> list[tuple[Any, ...]]:
    return warehouse_sql(
        f"select {columns}, _valid_from, _valid_until, _is_deleted from snapshots.{table}"
        " order by id, _version"
    )


def test_three_versions_of_a_plan_are_three_versions_with_their_dates(
    old: Callable[[], None], warehouse_sql: Run
) -> None:
    warehouse_sql(
        "insert into raw_nexacloud.plans (id, code, name, price, currency, is_active, updated_at,"
        " _run_id, _loaded_at) values ('p', 'small', 'Small', 63, 'CAD', true, %s, 'x', %s)",
        (MAR, APR),
    )
    warehouse_sql(
        "create table snapshots.nexacloud_plan_history (plan_id text, plan_code text,"
        " plan_price numeric(12,2), currency text, billing_interval text, loaded_at timestamptz,"
        f" {DBT})"
    )
    for price, start, end in ((31, JAN, FEB), (62, FEB, MAR), (63, MAR, None)):
        warehouse_sql(
            "insert into snapshots.nexacloud_plan_history (plan_id, plan_code, plan_price,"
            " currency, loaded_at, dbt_valid_from, dbt_valid_to) values ('p', 'small', %s, 'CAD',"
            " %s, %s, %s)",
            (price, start, start, end),
        )
    old()
    assert versions(warehouse_sql, "nexacloud_plans", "price, name, currency") == [
        (Decimal("31.00"), "Small", "CAD", JAN, FEB, False),
        (Decimal("62.00"), "Small", "CAD", FEB, MAR, False),
        (Decimal("63.00"), "Small", "CAD", MAR, None, False),
    ]
    assert warehouse_sql("select count(*) from snapshots.nexacloud_plan_history_dbt_archive") == [
        (3,)
    ]
    before = versions(warehouse_sql, "nexacloud_plans", "*")
    old()
    assert versions(warehouse_sql, "nexacloud_plans", "*") == before


def test_a_version_that_dbt_dated_by_a_time_that_stood_still_counts_from_its_load(
    old: Callable[[], None], warehouse_sql: Run
) -> None:
    """dbt's versions had zero or negative length there, or stood open beside each other."""
    warehouse_sql(
        "insert into raw_nexacloud.plans (id, code, price, updated_at, _run_id, _loaded_at,"
        " _deleted_at) values ('p', 'small', 64, null, 'x', %s, %s)",
        (APR, APR),
    )
    warehouse_sql(
        "create table snapshots.nexacloud_plan_history (plan_id text, plan_code text,"
        f" plan_price numeric, loaded_at timestamptz, {DBT})"
    )
    dated = (
        (61, JAN, JAN, JAN),
        (62, FEB, JAN, datetime(2025, 12, 1, tzinfo=UTC)),
        (63, MAR, datetime(2025, 12, 1, tzinfo=UTC), None),
    )
    for price, loaded, start, end in dated:
        warehouse_sql(
            "insert into snapshots.nexacloud_plan_history (plan_id, plan_price, loaded_at,"
            " dbt_valid_from, dbt_valid_to) values ('p', %s, %s, %s, %s)",
            (price, loaded, start, end),
        )
    old()
    assert versions(warehouse_sql, "nexacloud_plans", "price::int") == [
        (61, JAN, FEB, False),
        (62, FEB, MAR, False),
        (63, MAR, APR, False),
        (64, APR, None, True),
    ]


def test_subscriptions_and_charges_keep_their_versions(
    old: Callable[[], None], warehouse_sql: Run
) -> None:
    warehouse_sql(
        "insert into raw_nexacloud.subscriptions (id, user_id, plan_id, status, _run_id,"
        " _loaded_at) values ('s', 'u', 'large', 'active', 'x', %s)",
        (FEB,),
    )
    warehouse_sql(
        "create table snapshots.nexacloud_subscription_history as select 's'::text as"
        " external_subscription_id, plan_id, 'active'::text as subscription_status,"
        " valid_from as dbt_valid_from, valid_to as dbt_valid_to from (values"
        " ('small', %s, %s), ('large', %s, null)) as v (plan_id, valid_from, valid_to)",
        (JAN, FEB, FEB),
    )
    warehouse_sql(
        "insert into raw_odoo.fusion_billing_charge (id, plan_code, price_per_unit, active,"
        " _run_id, _loaded_at) values (7, 'small', 2, true, 'x', %s)",
        (FEB,),
    )
    warehouse_sql(
        "create table snapshots.odoo_charge_history as select 7::bigint as billing_charge_id,"
        " 'small'::text as plan_code, unit_price, true as is_active, valid_from as dbt_valid_from,"
        " valid_to as dbt_valid_to from (values (1::numeric, %s, %s), (2, %s, null)) as v"
        " (unit_price, valid_from, valid_to)",
        (JAN, FEB, FEB),
    )
    old()
    assert versions(warehouse_sql, "nexacloud_subscriptions", "plan_id, user_id") == [
        ("small", "u", JAN, FEB, False),
        ("large", "u", FEB, None, False),
    ]
    assert versions(warehouse_sql, "odoo_fusion_billing_charge", "price_per_unit::int") == [
        (1, JAN, FEB, False),
        (2, FEB, None, False),
    ]


def test_flat_prices_and_states_that_dbt_computed_add_up_as_they_did(
    old: Callable[[], None], warehouse_sql: Run
) -> None:
    warehouse_sql(
        "insert into raw_odoo.sale_order (id, name, subscription_state, plan_id, _run_id,"
        " _loaded_at) values (5, 'S5', '6_churn', 2, 'x', %s)",
        (APR,),
    )
    warehouse_sql(
        "insert into raw_odoo.sale_subscription_plan (id, name, _run_id, _loaded_at)"
        " values (1, 'basic', 'x', %s), (2, 'pro', 'x', %s)",
        (APR, APR),
    )
    warehouse_sql(
        "insert into raw_odoo.sale_order_line (id, order_id, product_uom_qty, price_unit, discount,"
        " _run_id, _loaded_at) values (11, 5, 3, 10, 50, 'x', %s), (12, 5, 1, 5, 0, 'x', %s)",
        (APR, APR),
    )
    warehouse_sql(
        "create table snapshots.odoo_flat_price_history as select 5::bigint as sale_order_id,"
        " flat_price, valid_from as dbt_valid_from, valid_to as dbt_valid_to from (values"
        " (17.77::numeric, %s, %s), (18, %s, %s), (20, %s, null)) as v"
        " (flat_price, valid_from, valid_to)",
        (JAN, FEB, FEB, MAR, MAR),
    )
    warehouse_sql(
        "create table snapshots.odoo_subscription_history as select 5::bigint as sale_order_id,"
        " 9::bigint as partner_id, null::timestamptz as started_at, plan_code, status as"
        " subscription_status, valid_from as dbt_valid_from, valid_to as dbt_valid_to from (values"
        " ('basic', 'active', %s, %s), ('pro', 'cancelled', %s, null)) as v"
        " (plan_code, status, valid_from, valid_to)",
        (JAN, FEB, FEB),
    )
    warehouse_sql("update raw_odoo.sale_order set partner_id = 9")
    old()
    flat = (
        "select _valid_from, sum(product_uom_qty * price_unit * (1 - discount * 0.01))"
        " from snapshots.odoo_sale_order_line group by _valid_from order by _valid_from"
    )
    assert warehouse_sql(flat) == [(JAN, Decimal("17.77")), (FEB, 18), (MAR, 20)]
    assert versions(warehouse_sql, "odoo_sale_order_line", "product_uom_qty::int")[2] == (
        3,
        MAR,
        None,
        False,
    )
    assert versions(warehouse_sql, "odoo_sale_order", "plan_id, subscription_state") == [
        (1, "3_progress", JAN, FEB, False),
        (2, "6_churn", FEB, None, False),
    ]


def test_a_warehouse_without_any_history_begins_with_what_is_loaded(
    old: Callable[[], None], warehouse_sql: Run
) -> None:
    """A build may run before the next load: what is priced must not look as if it had no plan."""
    warehouse_sql(
        "insert into raw_nexacloud.plans (id, price, updated_at, _run_id, _loaded_at)"
        " values ('p', 31, %s, 'x', %s)",
        (JAN, FEB),
    )
    old()
    assert versions(warehouse_sql, "nexacloud_plans", "price::int") == [(31, JAN, None, False)]
