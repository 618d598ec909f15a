"""Approved lines go out as draft invoices in Odoo, exactly once.

Flows in: serving/invoice_lines_to_publish, the one relation that the publisher reads. Flows out:
draft account.move records, and the ledger's account of them as metadata. A dry run unless the
run says `go`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from connections.postgres import warehouse
from connections.settings import Settings
from orchestration.domains import OPERATIONS, PUBLISHING, docs_metadata
from orchestration.failures import RETRY, as_failures
from orchestration.names import DRAFTS_KEY, ODOO_POOL, PUBLISH_OP
from orchestration.pictures import table
from orchestration.resources import Odoo, Warehouse
from orchestration.warehouse import migrate

if TYPE_CHECKING:
    from publishers.report import PublishReport

KEY = dg.AssetKey(DRAFTS_KEY)
NOTHING_FAILED = "nothing_failed"
NOTHING_HELD = "nothing_is_held"
NOTHING_CHANGED = "nothing_changed_behind_our_back"


Events = Iterator[dg.MaterializeResult[object] | dg.AssetCheckResult]
COLUMNS = (
    "odoo_id",
    "partner",
    "service",
    "period",
    "total_amount",
    "currency",
    "lines",
    "state",
    "reason",
)


class PublishConfig(dg.Config):
    """What to publish. Without `go` nothing is written anywhere."""

    go: bool = False
    limit: int | None = None
    period: str | None = None
    service: str | None = None
    by: str = "dagster"


def check_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """What is asked of each publishing run, of all periods or of a month."""
    said = {
        NOTHING_FAILED: "Every document is in Odoo with the totals that were approved.",
        NOTHING_HELD: "No approved line waits: what is held is a warning, with the reason.",
        NOTHING_CHANGED: "No document of ours was posted by the bot, edited or deleted.",
    }
    return [dg.AssetCheckSpec(name, asset=key, description=why) for name, why in said.items()]


@dg.multi_asset(
    name=PUBLISH_OP,
    specs=[
        dg.AssetSpec(
            KEY,
            deps=[dg.AssetKey(["serving", "invoice_lines_to_publish"])],
            group_name=PUBLISHING,
            kinds={"odoo"},
            owners=[OPERATIONS],
            skippable=True,
            description="Draft invoices in Odoo for approved lines. A dry run unless `go`: that,"
            " and a run that refuses, is an observation, never a materialization.",
            metadata=docs_metadata(PUBLISHING, Path(__file__)),
        )
    ],
    check_specs=check_specs(KEY),
    retry_policy=RETRY,
    pool=ODOO_POOL,
)
def draft_invoices(
    context: dg.AssetExecutionContext,
    config: PublishConfig,
    billing_warehouse: Warehouse,
    odoo: Odoo,
) -> Events:
    """Publish once; the ledger keeps a second publisher, now or later, from doing it again."""
    settings = billing_warehouse.settings(odoo)
    yield from published(context, settings, config, KEY, [config.period])


def published(
    context: dg.AssetExecutionContext,
    settings: Settings,
    config: PublishConfig,
    key: dg.AssetKey,
    periods: Sequence[str | None],
) -> Events:
    """What a run of these months (None: of all) says of the asset."""
    from publishers.drafts import publish

    with as_failures("publish"):
        migrate(settings)
        approved = _approve_by_policy(settings) if config.go else 0
        reports = [
            publish(
                settings,
                go=config.go,
                limit=config.limit,
                period=period,
                service=config.service,
                run_id=context.run_id,
                by=config.by,
                progress=context.log.info,
            )
            for period in periods
        ]
    for report in reports:
        metadata = _metadata(report) | {"approved_by_policy": approved}
        if config.go and not report.stopped:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        else:
            context.log_event(dg.AssetObservation(asset_key=key, metadata=metadata))
        yield from _checks(key, report)


def _approve_by_policy(settings: Settings) -> int:
    """Approve what a policy in force allows; without one, and by default there is none, nothing."""
    from publishers.policies import approve_automatically

    with warehouse(settings) as conn:
        return len(approve_automatically(conn, settings.schema("marts")).written)


def _metadata(report: "PublishReport") -> dict[str, Any]:
    counts = ("created", "unchanged", "failed", "quarantined", "held")
    return {
        "dry_run": report.dry_run,
        **{name: getattr(report, name) for name in counts},
        "alarms": len(report.alarms),
        "seconds": round(report.seconds, 3),
        "documents": _documents(report),
        "report": dg.MetadataValue.json(report.as_json()),
    }


def _documents(report: "PublishReport") -> dg.MarkdownMetadataValue:
    rows = [
        {**each, "period": each["period_start"][:7], "lines": len(each["lines"])}
        for each in report.as_json()["documents"]
    ]
    return table(rows, COLUMNS)


def _checks(key: dg.AssetKey, report: "PublishReport") -> Iterator[dg.AssetCheckResult]:
    bad = report.failed + report.quarantined + bool(report.stopped)
    said = f"{report.failed} failed, {report.quarantined} quarantined, {report.created} created"
    if report.stopped:
        said = f"everything is held: {report.stopped}"
    yield dg.AssetCheckResult(
        asset_key=key, check_name=NOTHING_FAILED, passed=bad == 0, description=said
    )
    reasons = sorted({each.reason for each in report.documents if each.reason})
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=NOTHING_HELD,
        passed=report.held == 0 and not report.stopped,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{report.held} held" + "".join(f"; {reason}" for reason in reasons),
    )
    findings = ", ".join(f"{alarm['key']} was {alarm['finding']}" for alarm in report.alarms)
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=NOTHING_CHANGED,
        passed=not report.alarms,
        severity=dg.AssetCheckSeverity.WARN,
        description=findings or f"{report.unchanged} documents are as they were published",
    )
