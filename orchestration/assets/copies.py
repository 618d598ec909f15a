"""Copies of the sources as assets: one asset a table, one step a source.

Flows in: loaders.tables (THE list) and settings. Flows out: raw_nexacloud.* and raw_odoo.* (a
schema a source), with what the load did as metadata, and a check a table: the copy holds what the
source held in the same snapshot.

One step and not one a table: all tables of NexaCloud are read in one snapshot (an invoice
without its subscription would be an error that the source never made), and both sources are
looked at whole before the first row of either is copied.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from connections.places import CODE
from connections.settings import Settings
from loaders.contracts import Table
from loaders.relations import HISTORY_SCHEMA
from loaders.tables import ALL
from orchestration.domains import ENGINEERING, SOURCES, docs_metadata
from orchestration.failures import RETRY, as_failures
from orchestration.names import LOAD_OP, WAREHOUSE_POOL
from orchestration.resources import NexaCloud, Odoo, Warehouse
from orchestration.warehouse import migrate

if TYPE_CHECKING:
    from loaders import TableReport

COPY_CHECK = "copy_equals_source"
SOURCE_TITLES = {"nexacloud": "NexaCloud's PostgreSQL", "odoo": "Odoo 19"}
Events = Iterator[dg.MaterializeResult[object] | dg.AssetCheckResult]


class LoadConfig(dg.Config):
    """How to load. `full` compares every row; `allow_shrink` lets a table lose many rows, once."""

    full: bool = False
    allow_shrink: bool = False


def asset_key(table: Table) -> dg.AssetKey:
    """schema/table, which is also the key that dagster-dbt gives to the dbt source."""
    return dg.AssetKey([table.schema, table.name])


def history_key(table: Table) -> dg.AssetKey:
    """Where the load keeps what the table was before; also the key of the dbt source."""
    return dg.AssetKey([HISTORY_SCHEMA, table.history_name])


def _title(table: Table) -> str:
    return SOURCE_TITLES.get(table.source, f"the database of {table.source}")


def _specs(table: Table) -> Iterator[dg.AssetSpec]:
    shared: dict[str, Any] = {
        "group_name": SOURCES,
        "owners": [ENGINEERING],
        "kinds": {"postgres", "raw", table.source},
    }
    links = docs_metadata(SOURCES, CODE / "loaders" / "tables.py")
    yield dg.AssetSpec(
        asset_key(table),
        description=f"{table.description} Copied from {_title(table)} as it is.",
        metadata={**links, "dagster/table_name": f"{table.schema}.{table.name}"},
        **shared,
    )
    if table.has_history:
        yield dg.AssetSpec(
            history_key(table),
            deps=[asset_key(table)],
            description=f"{table.description} As it was: written by the load, never rebuilt.",
            metadata=links,
            **shared,
        )


def _check_spec(table: Table) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        COPY_CHECK,
        asset=asset_key(table),
        blocking=True,
        description="Raw plus rejected rows equal the source's, counted in the same snapshot.",
    )


@dg.multi_asset(
    name=LOAD_OP,
    specs=[spec for table in ALL for spec in _specs(table)],
    check_specs=[_check_spec(table) for table in ALL],
    can_subset=True,
    retry_policy=RETRY,
    pool=WAREHOUSE_POOL,
)
def copies(
    context: dg.AssetExecutionContext,
    config: LoadConfig,
    billing_warehouse: Warehouse,
    nexacloud: NexaCloud,
    odoo: Odoo,
) -> Events:
    """Load what is selected; tell what it did, table by table."""
    from loaders import load
    from orchestration.progress import now_and_then

    wanted = context.selected_asset_keys
    selected = [table for table in ALL if wanted & {asset_key(table), history_key(table)}]
    with as_failures("load"):
        settings = billing_warehouse.settings(nexacloud, odoo)
        migrate(settings)
        report = load(
            settings,
            tables=[f"{table.schema}.{table.name}" for table in selected],
            full=config.full,
            allow_shrink=config.allow_shrink,
            run_id=context.run_id,
            progress=now_and_then(context.log.info),
        )
    for note in report.notes:
        context.log.warning(note)
    by_name = {(table.source, table.table): table for table in report.tables}
    for table in selected:
        if asset_key(table) in wanted:
            yield from _events(settings, asset_key(table), by_name[table.source, table.name])
        if table.has_history and history_key(table) in wanted:
            yield dg.MaterializeResult(asset_key=history_key(table))


def _events(settings: Settings, key: dg.AssetKey, report: "TableReport") -> Events:
    yield dg.MaterializeResult(asset_key=key, metadata=_metadata(settings, report))
    is_equal = report.source_totals == report.raw_totals
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=COPY_CHECK,
        passed=is_equal,
        description=_comparison(report),
        metadata={"source": str(report.source_totals), "copy": str(report.raw_totals)},
    )


def _comparison(report: "TableReport") -> str:
    if not report.compared:
        return (
            "Odoo shows no snapshot to count in: raw plus rejected are held against what was"
            " received, and at a sweep against all ids"
        )
    return f"counts and sums compared over the whole {report.compared}"


def _metadata(settings: Settings, report: "TableReport") -> dict[str, Any]:
    """Counts, bytes, duration, watermark and lag, under names that Dagster can plot."""
    counts = ("read", "created", "updated", "unchanged", "rejected", "deleted", "bytes")
    metadata: dict[str, Any] = {name: getattr(report, name) for name in counts}
    if report.raw_totals is not None:
        metadata["dagster/row_count"] = report.raw_totals.rows
    metadata |= {"seconds": round(report.seconds, 3), "mode": report.mode}
    metadata |= {"rows_per_second": round(report.read / max(report.seconds, 0.001))}
    if report.watermark is not None:
        lag = settings.as_of - report.watermark
        metadata |= {
            "watermark": dg.MetadataValue.timestamp(report.watermark),
            "lag_seconds": max(round(lag.total_seconds()), 0),  # an as_of may be long ago
        }
    if report.notes:
        metadata["notes"] = dg.MetadataValue.md("\n".join(f"- {note}" for note in report.notes))
    return metadata
