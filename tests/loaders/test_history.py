"""What a source overwrites is kept: each version dated by when it was seen, or by the source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import loaders
from connections import Settings
from connections.odoo import OdooPort
from loaders.tables import ALL

Run = Callable[..., list[tuple[Any, ...]]]
PLAN = "(select min(id::text)::uuid from plans)"
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


def load(settings: Settings, **options: Any) -> None:
    loaders.load(settings, only="nexacloud", **options)


def ago(**since: float) -> datetime:
    return datetime.now(UTC) - timedelta(**since)


@pytest.fixture
def plan(nexa: Settings, app: Run, warehouse_sql: Run) -> Callable[[], list[tuple[Any, ...]]]:
    """The versions of one plan, loaded once with 31.00 since 2024."""
    app(f"update plans set price = 31, updated_at = %s where id = {PLAN}", (LONG_AGO,))
    load(nexa)

    def versions() -> list[tuple[Any, ...]]:
        return warehouse_sql(
            "select price, _valid_from, _valid_until, _is_deleted, _seen_at"
            " from snapshots.nexacloud_plans where id = (select min(id) from"
            " raw_nexacloud.plans) order by _version"
        )

    return versions


def test_the_first_copy_is_the_first_version_since_the_source_s_own_time(
    plan: Callable[[], list[tuple[Any, ...]]], warehouse_sql: Run
) -> None:
    assert [row[:4] for row in plan()] == [(Decimal("31.00"), LONG_AGO, None, False)]
    for table in ALL:
        if table.is_versioned and table.source == "nexacloud":
            (rows,) = warehouse_sql(f"select count(*) from {table.schema}.{table.name}")
            assert (
                rows
                == warehouse_sql(
                    f"select count(*) from snapshots.{table.history_name} where _version = 1"
                )[0]
            ), table.name


def test_a_load_without_news_writes_no_version(
    nexa: Settings, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    load(nexa)
    load(nexa, full=True)
    assert len(plan()) == 1


def test_a_change_counts_from_the_source_s_own_time_where_that_is_later(
    nexa: Settings, app: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    changed = ago(days=10)
    app(f"update plans set price = 62, updated_at = %s where id = {PLAN}", (changed,))
    load(nexa)
    first, second = plan()
    assert (first[2], second[:4]) == (changed, (Decimal("62.00"), changed, None, False))


@pytest.mark.parametrize(
    "own_time",
    [LONG_AGO, LONG_AGO - timedelta(days=9), None, datetime(2999, 1, 1, tzinfo=UTC)],
    ids=["stands still", "goes back", "is null", "lies in the future"],
)
def test_a_source_time_that_says_nothing_rewrites_nothing(
    nexa: Settings,
    app: Run,
    plan: Callable[[], list[tuple[Any, ...]]],
    own_time: datetime | None,
) -> None:
    before = datetime.now(UTC)
    app(f"update plans set price = 62, updated_at = %s where id = {PLAN}", (own_time,))
    load(nexa)
    first, second = plan()
    assert second[0] == Decimal("62.00")
    assert before < second[1] < datetime.now(UTC)
    assert first[2] == second[1] == second[4]
    app(f"update plans set price = 93, updated_at = %s where id = {PLAN}", (own_time,))
    load(nexa, full=True)
    versions = plan()
    assert [row[0] for row in versions] == [Decimal("31.00"), Decimal("62.00"), Decimal("93.00")]
    ends, starts = [row[2] for row in versions], [row[1] for row in versions]
    assert ends == [*starts[1:], None]


def test_two_edits_between_loads_are_one_version_and_two_loads_two(
    nexa: Settings, app: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    app(f"update plans set price = 40, updated_at = %s where id = {PLAN}", (ago(days=5),))
    app(f"update plans set price = 50, updated_at = %s where id = {PLAN}", (ago(days=4),))
    load(nexa)
    app(f"update plans set price = 60, updated_at = %s where id = {PLAN}", (ago(days=3),))
    load(nexa)
    assert [row[0] for row in plan()] == [Decimal(price) for price in ("31", "50", "60")]


def test_a_row_that_was_touched_and_not_changed_gets_no_version(
    nexa: Settings, app: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    app(f"update plans set updated_at = now() where id = {PLAN}")
    load(nexa)
    assert len(plan()) == 1


def test_a_time_that_a_touch_moved_and_an_edit_left_alone_rewrites_nothing(
    nexa: Settings, app: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    app(f"update plans set updated_at = %s where id = {PLAN}", (ago(days=5),))
    load(nexa)
    before = datetime.now(UTC)
    app(f"update plans set price = 62 where id = {PLAN}")
    load(nexa, full=True)
    first, second = plan()
    assert (second[0], first[2]) == (Decimal("62.00"), second[1])
    assert before < second[1] < datetime.now(UTC)


def test_a_deletion_is_a_version_that_keeps_the_last_values_and_coming_back_another(
    nexa: Settings, app: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    app(f"create table kept as select * from plans where id = {PLAN}")
    app("delete from plans where id in (select id from kept)")
    before = datetime.now(UTC)
    load(nexa)
    _, gone = plan()
    assert (gone[0], gone[3]) == (Decimal("31.00"), True)
    assert before < gone[1] < datetime.now(UTC)
    load(nexa)
    assert len(plan()) == 2
    app("insert into plans select * from kept")
    load(nexa)
    back = plan()[2]
    assert (back[0], back[3]) == (Decimal("31.00"), False)
    assert back[1] > gone[1] == plan()[0][2]


def test_a_row_that_breaks_the_contract_keeps_its_last_good_version(
    nexa: Settings, app: Run, warehouse_sql: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    """A negative price is no price, and no reason to forget the one before."""
    app(f"update plans set price = -1, updated_at = now() where id = {PLAN}")
    load(nexa)
    load(nexa, full=True)
    assert [row[:4] for row in plan()] == [(Decimal("31.00"), LONG_AGO, None, False)]
    assert warehouse_sql("select reason from ops.rejected_rows where table_name = 'plans'") == [
        ("price is negative",)
    ]
    app(f"delete from plans where id = {PLAN}")
    load(nexa)
    assert [(row[0], row[3]) for row in plan()] == [
        (Decimal("31.00"), False),
        (Decimal("31.00"), True),
    ]


def test_a_plan_price_that_is_corrected_after_a_rejection_counts_from_the_correction(
    nexa: Settings, app: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    app(f"update plans set price = -1, updated_at = %s where id = {PLAN}", (ago(days=3),))
    load(nexa)
    corrected = ago(days=1)
    app(f"update plans set price = 33, updated_at = %s where id = {PLAN}", (corrected,))
    load(nexa)
    assert [row[:2] for row in plan()] == [
        (Decimal("31.00"), LONG_AGO),
        (Decimal("33.00"), corrected),
    ]


def test_what_went_while_raw_was_lost_is_gone_in_the_history(
    nexa: Settings, app: Run, warehouse_sql: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    """raw is not backed up: it is copied anew beside the history that is."""
    warehouse_sql("truncate raw_nexacloud.plans")
    app(f"delete from plans where id = {PLAN}")
    load(nexa, full=True)
    (versions,) = warehouse_sql(
        "select count(*), count(*) filter (where _is_deleted) from snapshots.nexacloud_plans"
    )
    assert versions == (233, 1)


def test_a_load_that_is_taken_back_leaves_no_version(
    nexa: Settings, app: Run, plan: Callable[[], list[tuple[Any, ...]]]
) -> None:
    app(f"update plans set price = 62, updated_at = now() where id = {PLAN}")
    load(nexa, dry_run=True)
    app("delete from users")  # refused, after plans would have been recorded
    with pytest.raises(loaders.LoadError):
        load(nexa)
    assert len(plan()) == 1


def test_an_edit_a_move_and_a_withdrawal_of_usage_are_logged_as_it_was(
    nexa: Settings, app: Run, warehouse_sql: Run
) -> None:
    load(nexa)
    ids = [row[0] for row in app("select id from usage_records order by id limit 4")]
    former = app(
        "select id, subscription_id::text, metric, quantity, window_start, window_end,"
        " idempotency_key from usage_records where id = any(%s) order by id",
        (ids[:3],),
    )
    app("update usage_records set quantity = quantity + 1 where id = %s", (ids[0],))
    app(
        "update usage_records set subscription_id = gen_random_uuid(), window_start = window_start"
        " - interval '40 days' where id = %s",
        (ids[1],),
    )
    app("delete from usage_records where id = %s", (ids[2],))
    app("update usage_records set created_at = now() where id = %s", (ids[3],))
    before = datetime.now(UTC)
    load(nexa, full=True)
    load(nexa, full=True)
    logged = warehouse_sql(
        "select id, subscription_id, metric, quantity, window_start, window_end, idempotency_key"
        " from snapshots.nexacloud_usage_record_changes order by id"
    )
    assert logged == former
    told = (
        "select id, _is_withdrawn, _changed_at > %s from snapshots.nexacloud_usage_record_changes"
    )
    assert warehouse_sql(f"{told} order by id", (before,)) == [
        (ids[0], False, True),
        (ids[1], False, True),
        (ids[2], True, True),
    ]


# ---------------------------------------------------------------------------------------- Odoo


def test_odoo_s_charges_and_partners_keep_their_versions(
    erp: Settings, admin: OdooPort, odoo_sql: Run, warehouse_sql: Run
) -> None:
    odoo_sql("update fusion_billing_charge set write_date = '2024-01-01'")
    loaders.load(erp, only="odoo")
    (charge,) = admin.search("fusion.billing.charge", [], limit=1, order="id")
    (partner,) = admin.search("res.partner", [], limit=1, order="id")
    admin.execute("fusion.billing.charge", "write", [charge], {"price_per_unit": 9.5})
    admin.execute("res.partner", "write", [partner], {"city": "Halifax"})
    odoo_sql("update fusion_billing_charge set write_date = '2024-02-01' where id = %s", (charge,))
    loaders.load(erp, only="odoo")
    odoo_sql("update fusion_billing_charge set price_per_unit = 7 where id = %s", (charge,))
    before = datetime.now(UTC)
    loaders.load(erp, only="odoo")
    versions = warehouse_sql(
        "select price_per_unit, _valid_from from snapshots.odoo_fusion_billing_charge"
        " where id = %s order by _version",
        (charge,),
    )
    assert [row[0] for row in versions[1:]] == [Decimal("9.5"), Decimal("7")]
    assert versions[1][1] == datetime(2024, 2, 1, tzinfo=UTC)
    assert before < versions[2][1] < datetime.now(UTC)
    cities = "select city from snapshots.odoo_res_partner where id = %s order by _version"
    assert warehouse_sql(cities, (partner,))[-1] == ("Halifax",)
    assert len(warehouse_sql(cities, (partner,))) == 2
