"""What keeps a deployment small and honest: dead runs, old runs, old files, planner statistics,
and a look at whether the copies still are what the sources hold.

Flows in: the sources, the warehouse, the home folder and Dagster's own history. Flows out: less of
each, and what was found in the log. Runs weekly; harmless at any time.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from connections.postgres import warehouse
from connections.settings import Settings
from orchestration import dbt
from orchestration.failures import as_failures
from orchestration.instance import fail_dead_runs
from orchestration.names import WAREHOUSE_POOL
from orchestration.resources import NexaCloud, Odoo, Warehouse

DAYS_OF_LOGS, DAYS_OF_RUNS, MOST_RUNS = 90, 400, 1000


class MaintenanceConfig(dg.Config):
    """How long logs of runs and Dagster's runs are kept, in days."""

    days_of_logs: int = DAYS_OF_LOGS
    days_of_runs: int = DAYS_OF_RUNS


@dg.op(pool=WAREHOUSE_POOL)
def tidy(
    context: dg.OpExecutionContext, config: MaintenanceConfig, billing_warehouse: Warehouse
) -> None:
    """Vacuum, forget what is old, mark dead runs as failed."""
    with as_failures("maintenance"):
        settings = billing_warehouse.settings()
        vacuum(settings)
    dead = fail_dead_runs(context.instance, settings.billing_home)
    runs = forget_old_runs(context.instance, config.days_of_runs)
    logs = forget_old_logs(settings.billing_home / "logs", config.days_of_logs)
    dbt.forget_old_invocations(settings)
    context.log.info(f"{len(dead)} dead runs failed, {runs} old runs and {logs} old logs removed")


@dg.op(pool=WAREHOUSE_POOL, ins={"after": dg.In(dg.Nothing)})
def verify(
    context: dg.OpExecutionContext, billing_warehouse: Warehouse, nexacloud: NexaCloud, odoo: Odoo
) -> None:
    """Fail where a grant, a table or a column is gone; count the rows that a sweep would change."""
    from loaders import check, load

    settings = billing_warehouse.settings(nexacloud, odoo)
    with as_failures("verify"):
        problems = [each for each in check(settings).findings if each.status == "problem"]
        if problems:
            said = [f"{each.source} {each.subject}: {each.detail}" for each in problems]
            raise dg.Failure("; ".join(said), allow_retries=False)
        report = load(settings, full=True, dry_run=True, run_id=context.run_id)
    differ = {table.name: table.updated + table.deleted for table in report.tables}
    context.add_output_metadata({"rows that differ": differ})
    if found := [f"{name}: {rows}" for name, rows in differ.items() if rows]:
        context.log.warning(f"rows that differ from their source, run `sweep`: {', '.join(found)}")


@dg.job(
    description="Vacuum, remove old runs, logs and artifacts, fail dead runs, verify the copies.",
    executor_def=dg.in_process_executor,
)
def maintenance() -> None:
    verify(tidy())


def vacuum(settings: Settings) -> None:
    """What autovacuum does late on tables that a night rewrites; takes no lock that blocks."""
    with warehouse(settings, application_name="fusion_billing: maintenance") as conn:
        conn.rollback()
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute("vacuum (analyze, skip_locked)")


def forget_old_runs(instance: dg.DagsterInstance, days: int) -> int:
    """Delete finished runs with their events; the ledger in ops stays for ever."""
    before = datetime.now(UTC) - timedelta(days=days)
    finished = [
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    ]
    old = dg.RunsFilter(statuses=finished, created_before=before)
    records = instance.get_run_records(filters=old, limit=MOST_RUNS)
    for record in records:
        instance.delete_run(record.dagster_run.run_id)
    return len(records)


def forget_old_logs(folder: Path, days: int) -> int:
    """Remove files that nobody wrote to for so many days."""
    oldest = time.time() - days * 86_400
    old = [file for file in folder.glob("*.log") if file.stat().st_mtime < oldest]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)
