"""Approved lines go out as draft invoices in Odoo, exactly once.

Flows in: serving/invoice_lines_to_publish, the one relation that the publisher reads. Flows out:
draft account.move records, and the ledger's account of them as metadata. A dry run unless the
run says `go`.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration.failures import RETRY, as_failures
from orchestration.names import DRAFTS_KEY, PUBLISH_OP
from orchestration.warehouse import migrate
from publishers.drafts import publish
from publishers.policies import approve_automatically
from publishers.report import PublishReport

KEY = dg.AssetKey(DRAFTS_KEY)
NOTHING_FAILED = "nothing_failed"
NOTHING_CHANGED = "nothing_changed_behind_our_back"


class PublishConfig(dg.Config):
    """What to publish. Without `go` nothing is written anywhere."""

    go: bool = False
    limit: int | None = None
    period: str | None = None
    service: str | None = None
    by: str = "dagster"


@dg.multi_asset(
    name=PUBLISH_OP,
    specs=[
        dg.AssetSpec(
            KEY,
            deps=[dg.AssetKey(["serving", "invoice_lines_to_publish"])],
            group_name="published",
            kinds={"odoo"},
            description="Draft invoices in Odoo for approved lines. A dry run unless `go`.",
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            NOTHING_FAILED,
            asset=KEY,
            description="Every document is in Odoo with the totals that were approved.",
        ),
        dg.AssetCheckSpec(
            NOTHING_CHANGED,
            asset=KEY,
            description="No document of ours was posted by the bot, edited or deleted.",
        ),
    ],
    retry_policy=RETRY,
)
def draft_invoices(
    context: dg.AssetExecutionContext, config: PublishConfig
) -> Iterator[dg.MaterializeResult[object] | dg.AssetCheckResult]:
    """Publish once; the ledger keeps a second publisher, now or later, from doing it again."""
    with as_failures("publish"):
        settings = load_settings()
        migrate(settings)
        approved = _approve_by_policy(settings) if config.go else 0
        report = publish(
            settings,
            go=config.go,
            limit=config.limit,
            period=config.period,
            service=config.service,
            run_id=context.run_id,
            by=config.by,
            progress=context.log.info,
        )
    yield dg.MaterializeResult(
        asset_key=KEY, metadata=_metadata(report) | {"approved_by_policy": approved}
    )
    yield from _checks(report)


def _approve_by_policy(settings: Settings) -> int:
    """Approve what a policy in force allows; without one, and by default there is none, nothing."""
    with warehouse(settings) as conn:
        return len(approve_automatically(conn, settings.schema("marts")).written)


def _metadata(report: PublishReport) -> dict[str, Any]:
    counts = ("created", "unchanged", "failed", "quarantined", "held")
    return {
        "dry_run": report.dry_run,
        **{name: getattr(report, name) for name in counts},
        "alarms": len(report.alarms),
        "seconds": round(report.seconds, 3),
        "report": dg.MetadataValue.json(report.as_json()),
    }


def _checks(report: PublishReport) -> Iterator[dg.AssetCheckResult]:
    bad = report.failed + report.quarantined + bool(report.stopped)
    said = f"{report.failed} failed, {report.quarantined} quarantined, {report.created} created"
    if report.stopped:
        said = f"everything is held: {report.stopped}"
    yield dg.AssetCheckResult(
        asset_key=KEY, check_name=NOTHING_FAILED, passed=bad == 0, description=said
    )
    findings = ", ".join(f"{alarm['key']} was {alarm['finding']}" for alarm in report.alarms)
    yield dg.AssetCheckResult(
        asset_key=KEY,
        check_name=NOTHING_CHANGED,
        passed=not report.alarms,
        severity=dg.AssetCheckSeverity.WARN,
        description=findings or f"{report.unchanged} documents are as they were published",
    )
