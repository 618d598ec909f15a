"""NexaCloud's customers, catalogue and subscriptions go into Odoo, as a shadow.

Flows in: serving/odoo_import_proposals, the one relation that the importer reads. Flows out:
partners, account links, products, charges and draft orders, and the importer's ledger. A dry run,
which is an observation, unless the run says `go`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from orchestration.domains import OPERATIONS, PUBLISHING, docs_metadata
from orchestration.failures import RETRY, as_failures
from orchestration.names import IMPORT_KEY, IMPORT_OP, ODOO_POOL
from orchestration.pictures import table
from orchestration.resources import Odoo, Warehouse
from orchestration.warehouse import migrate

if TYPE_CHECKING:
    from publishers.importer import ImportReport

KEY = dg.AssetKey(IMPORT_KEY)
NOTHING_FAILED = "nothing_failed"
NO_CONFLICTS = "nothing_waits_for_a_person"


class ImportConfig(dg.Config):
    """What to import. Without `go` nothing is written to Odoo; with it `by` is a person's name."""

    go: bool = False
    everything: bool = False
    rows: list[str] = Field(default_factory=list)
    plan: str | None = None
    by: str = "dagster"


@dg.multi_asset(
    name=IMPORT_OP,
    specs=[
        dg.AssetSpec(
            KEY,
            deps=[dg.AssetKey(["serving", "odoo_import_proposals"])],
            group_name=PUBLISHING,
            kinds={"odoo"},
            owners=[OPERATIONS],
            metadata=docs_metadata(PUBLISHING, Path(__file__)),
            skippable=True,
            description="Customers, catalogue and draft orders in Odoo. A dry run unless `go`.",
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            NOTHING_FAILED, asset=KEY, description="Every record that was to be written is there."
        ),
        dg.AssetCheckSpec(
            NO_CONFLICTS,
            asset=KEY,
            description="No record was changed here and in Odoo, or fits several.",
        ),
    ],
    retry_policy=RETRY,
    pool=ODOO_POOL,
)
def shadow_import(
    context: dg.AssetExecutionContext,
    config: ImportConfig,
    billing_warehouse: Warehouse,
    odoo: Odoo,
) -> Iterator[dg.MaterializeResult[object] | dg.AssetCheckResult]:
    """Look, or import once; external ids keep a second importer from doing it again."""
    from publishers.importer import run_import

    with as_failures("import"):
        settings = billing_warehouse.settings(odoo)
        migrate(settings)
        report = run_import(
            settings,
            go=config.go,
            everything=config.everything,
            rows=config.rows,
            plan=config.plan,
            by=config.by,
            run_id=context.run_id,
            progress=context.log.info,
        )
    if config.go:
        yield dg.MaterializeResult(asset_key=KEY, metadata=_metadata(report))
    else:
        context.log_event(dg.AssetObservation(asset_key=KEY, metadata=_metadata(report)))
    yield from _checks(report)


def _metadata(report: "ImportReport") -> dict[str, Any]:
    return {
        "dry_run": report.dry_run,
        **report.totals,
        "plan": report.plan,
        "seconds": round(report.seconds, 3),
        "records": table([{"kind": kind, **counts} for kind, counts in report.counts.items()]),
        "report": dg.MetadataValue.json(report.as_json()),
    }


def _checks(report: "ImportReport") -> Iterator[dg.AssetCheckResult]:
    failed = "; ".join(f"{key}: {why}" for key, why in list(report.failed.items())[:3])
    yield dg.AssetCheckResult(
        asset_key=KEY,
        check_name=NOTHING_FAILED,
        passed=not (report.failed or report.stopped),
        description=report.stopped or failed or f"{report.totals['created']} created",
    )
    yield dg.AssetCheckResult(
        asset_key=KEY,
        check_name=NO_CONFLICTS,
        passed=report.totals["conflicts"] == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{report.totals['conflicts']} conflicts: see `billing import`",
    )
