"""Checks that no single table can make: freshness of the copies, readiness of the services.

Flows in: ops.load_runs, marts.cutover_readiness. Flows out: check results in Dagster; they are
warnings, for a person to read, and stop nothing: what must stop a run is a dbt test or the
loader's own refusal.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from connections.postgres import warehouse
from connections.settings import load_settings
from loaders.contracts import Table
from loaders.tables import ALL
from orchestration.assets.copies import asset_key
from orchestration.failures import as_failures
from orchestration.queries import select

FRESHNESS_CHECK = "loaded_lately"
FRESH_FOR = timedelta(hours=26)  # a night and two hours of grace
READINESS = dg.AssetKey(["marts", "cutover_readiness"])


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
def freshness(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Judge each copy by its last successful load."""
    with as_failures("freshness"):
        settings = load_settings()
        with warehouse(settings) as conn:
            loads = select(conn, settings, _LAST_LOADS)
    last = {(row["source"], row["table_name"]): row["finished_at"] for row in loads}
    selected = {key.asset_key for key in context.selected_asset_check_keys}
    for table in ALL:
        if asset_key(table) in selected:
            yield _fresh(table, last.get((table.source, table.name)))


_LAST_LOADS = """
    select source, table_name, max(finished_at) as finished_at
    from ops.load_runs
    where status = 'succeeded' and not is_dry_run
    group by source, table_name
"""


def _fresh(table: Table, loaded_at: datetime | None) -> dg.AssetCheckResult:
    age = None if loaded_at is None else datetime.now(UTC) - loaded_at
    said = "never loaded" if age is None else f"loaded {age.total_seconds() / 3600:.1f} hours ago"
    return dg.AssetCheckResult(
        asset_key=asset_key(table),
        check_name=FRESHNESS_CHECK,
        passed=age is not None and age <= FRESH_FOR,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
    )


CHECKS = [freshness]
