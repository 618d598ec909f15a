"""Checks that no single table can make: freshness, readiness, what blocks.

Flows in: ops.load_runs and the marts. Flows out: check results in Dagster; they are
warnings, for a person to read, and stop nothing: what must stop a run is a dbt test or the
loader's own refusal.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from connections.postgres import warehouse
from loaders.contracts import Table
from loaders.runs import ABSENT
from loaders.tables import ALL
from orchestration.assets.copies import asset_key
from orchestration.failures import as_failures
from orchestration.queries import Row, select
from orchestration.resources import Warehouse

FRESHNESS_CHECK = "loaded_lately"
FRESH_FOR = timedelta(hours=26)  # a night and two hours of grace
READINESS = dg.AssetKey(["serving", "cutover_readiness"])
EXCEPTIONS = dg.AssetKey(["serving", "fct_billing_exceptions"])


@dg.multi_asset_check(
    name="freshness",
    can_subset=True,
    specs=[
        dg.AssetCheckSpec(
            FRESHNESS_CHECK,
            asset=asset_key(table),
            description=f"A load of this table succeeded within {FRESH_FOR}.",
        )
        for table in ALL
    ],
)
def freshness(
    context: dg.AssetCheckExecutionContext, billing_warehouse: Warehouse
) -> Iterator[dg.AssetCheckResult]:
    """Judge each copy by its last successful load."""
    with as_failures("freshness"):
        settings = billing_warehouse.settings()
        with warehouse(settings) as conn:
            loads = select(conn, settings, LAST_LOADS)
    last = {(row["source"], row["table_name"]): row for row in loads}
    selected = {key.asset_key for key in context.selected_asset_check_keys}
    for table in ALL:
        if asset_key(table) in selected:
            yield fresh(table, last.get((table.source, table.name)))


LAST_LOADS = """
    select distinct on (source, table_name) source, table_name, finished_at, mode
    from ops.load_runs
    where status = 'succeeded' and not is_dry_run
    order by source, table_name, load_run_id desc
"""


def fresh(table: Table, last: Row | None) -> dg.AssetCheckResult:
    age = None if last is None else datetime.now(UTC) - last["finished_at"]
    said = "never loaded" if age is None else f"loaded {age.total_seconds() / 3600:.1f} hours ago"
    if last and last["mode"] == ABSENT:
        # Late, it warns: then nobody knows whether it is still so.
        said = said.replace("loaded", f"this Odoo had no {table.source_name} (a note); looked at")
    return dg.AssetCheckResult(
        asset_key=asset_key(table),
        check_name=FRESHNESS_CHECK,
        passed=age is not None and age <= FRESH_FOR,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
    )


@dg.asset_check(
    asset=READINESS,
    name="open_gates_stay_ready",
    description="Whoever moved to Odoo still has all that readiness asks for.",
)
def open_gates_stay_ready(billing_warehouse: Warehouse) -> dg.AssetCheckResult:
    """Count who is ready, by service; warn of open gates that lost what they were opened on."""
    with as_failures("readiness"):
        settings = billing_warehouse.settings()
        with warehouse(settings) as conn:
            rows = select(conn, settings, _READINESS)
    lost = [f"{row['external_subscription_id']}: {row['missing']}" for row in rows if row["lost"]]
    ready, opened = sum(row["is_ready"] for row in rows), sum(row["is_gate_open"] for row in rows)
    return dg.AssetCheckResult(
        passed=not lost,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(lost) or f"{ready} of {len(rows)} are ready, {opened} have moved",
        metadata={"subscriptions": len(rows), "ready": ready, "moved": opened, "lost": len(lost)},
    )


_READINESS = """
    select
        external_subscription_id, missing, is_ready, coalesce(is_gate_open, false) as is_gate_open,
        coalesce(is_gate_open, false) and not is_ready as lost
    from {serving}.cutover_readiness
"""


@dg.asset_check(
    asset=EXCEPTIONS,
    name="nothing_blocks",
    description="No open exception holds lines back.",
)
def nothing_blocks(billing_warehouse: Warehouse) -> dg.AssetCheckResult:
    """Count the open exceptions that block, with the money behind them."""
    with as_failures("exceptions"):
        settings = billing_warehouse.settings()
        with warehouse(settings) as conn:
            (row,) = select(conn, settings, _BLOCKING)
    return dg.AssetCheckResult(
        passed=row["blocking"] == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{row['blocking']} of {row['open']} open exceptions block: billing exceptions",
        metadata={"open": row["open"], "blocking": row["blocking"]},
    )


_BLOCKING = """
    select count(*) as open, count(*) filter (where is_blocking) as blocking
    from {serving}.fct_billing_exceptions
    where is_open
"""

CHECKS = [freshness, open_gates_stay_ready, nothing_blocks]
