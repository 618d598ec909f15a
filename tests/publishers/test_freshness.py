"""Nothing is published from a warehouse that is old, or whose last build did not pass."""

from types import SimpleNamespace

import pytest
from publishing_world import World

from publishers.freshness import stale_reason

# What happened to the warehouse since it was loaded and built, and what the publisher says of it.
NOT_BILLED_FROM = {
    "an old load": (
        "update ops.load_runs set finished_at = now() - interval '40 hours'",
        "nexacloud.invoices was loaded last",
    ),
    "a source that was never loaded": (
        "delete from ops.load_runs where source = 'odoo'",
        "odoo.sale_order was never loaded",
    ),
    "no build": ("delete from ops.builds", "no build of the warehouse is known"),
    "no build that passed": ("update ops.builds set status = 'failed'", "failed: run"),
    "marts built in place by a build whose tests failed": (
        "insert into ops.builds (as_of, is_whole, status, error)"
        " values (now(), true, 'failed', 'dbt: 1 nodes failed')",
        "failed (dbt: 1 nodes failed)",
    ),
    "marts that are being built in place": (
        "insert into ops.builds (as_of, is_whole) values (now(), true)",
        "runs still, or was killed",
    ),
    "an old build": (
        "update ops.builds set finished_at = now() - interval '40 hours'",
        "the build in use was made at",
    ),
    "marts of another build": (
        "create table marts.dim_build as select 0 as build_id, now() as as_of, now() as swapped_at",
        "the marts are of build 0",
    ),
    "a load that no build has seen": (
        "insert into ops.load_runs (source, table_name, status, finished_at)"
        " values ('nexacloud', 'users', 'succeeded', clock_timestamp())",
        "is in no build that passed",
    ),
    "a load that only a part of the warehouse has seen": (
        "insert into ops.load_runs (source, table_name, status, finished_at)"
        " values ('nexacloud', 'users', 'succeeded', clock_timestamp());"
        "insert into ops.builds (as_of, is_whole, status) values (now(), false, 'passed')",
        "is in no build that passed",
    ),
}
BILLED_FROM = {
    "a load within the age": (
        "update ops.load_runs set finished_at = now() - interval '30 hours';"
        "insert into ops.load_runs (source, table_name, status, finished_at)"
        " values ('nexacloud', 'invoices', 'failed', clock_timestamp())"
    ),
    "a newer build that failed, or is under way": (
        "insert into ops.builds (as_of, is_whole, status, error)"
        " values (now(), true, 'failed', 'dbt: 1 nodes failed'), (now(), true, 'running', null);"
        "create table marts.dim_build as select build_id, as_of, now() as swapped_at"
        " from ops.builds where status = 'passed'"
    ),
    "a load that found nothing new": (
        "insert into ops.load_runs (source, table_name, status, finished_at, created_count,"
        " updated_count, deleted_count) values ('nexacloud', 'users', 'succeeded',"
        " clock_timestamp(), 0, 0, 0)"
    ),
    "a dry run of a load": (
        "insert into ops.load_runs (source, table_name, status, finished_at, is_dry_run)"
        " values ('nexacloud', 'users', 'succeeded', clock_timestamp(), true)"
    ),
}


@pytest.mark.parametrize("name", NOT_BILLED_FROM)
def test_an_old_or_failed_warehouse_is_not_billed_from(warehouse_world: World, name: str) -> None:
    statement, reason = NOT_BILLED_FROM[name]
    warehouse_world.query(statement)
    with warehouse_world.warehouse() as conn:
        said = stale_reason(conn)
    assert said is not None
    assert reason in said


@pytest.mark.parametrize("name", BILLED_FROM)
def test_a_fresh_warehouse_that_passed_is_billed_from(warehouse_world: World, name: str) -> None:
    warehouse_world.query(BILLED_FROM[name])
    with warehouse_world.warehouse() as conn:
        assert stale_reason(conn) is None


def test_what_is_stale_holds_every_document(world: World, customers: SimpleNamespace) -> None:
    world.propose(world.lines(customers, 1))
    world.approve()
    world.query("update ops.builds set status = 'failed'")
    report = world.publish()
    assert (report.created, report.held) == (0, 1)
    assert "failed" in str(report.documents[0].reason)
