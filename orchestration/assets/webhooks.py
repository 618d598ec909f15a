"""Lifecycle events go out to the apps as signed webhooks.

Flows in: serving/fct_lifecycle_events. Flows out: events frozen in `ops`, and POSTs to the
receivers of services that enabled them. A dry run unless the run says `go`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.domains import LIFECYCLE, OPERATIONS, docs_metadata
from orchestration.failures import RETRY, as_failures
from orchestration.names import WEBHOOKS_KEY, WEBHOOKS_OP, WEBHOOKS_POOL
from orchestration.pictures import table
from orchestration.resources import Warehouse
from orchestration.warehouse import migrate

if TYPE_CHECKING:
    from publishers.webhooks import DeliveryReport, EmitReport, Summary

KEY = dg.AssetKey(WEBHOOKS_KEY)
NO_DEAD_LETTERS = "no_dead_letters"
DELIVERED_SOON = "delivered_soon"
SECONDS_OF_LAG = 3600


class WebhooksConfig(dg.Config):
    """Whether to send. Without `go` nothing is frozen and nothing leaves."""

    go: bool = False
    limit: int | None = None


@dg.multi_asset(
    name=WEBHOOKS_OP,
    specs=[
        dg.AssetSpec(
            KEY,
            deps=[
                dg.AssetKey(["serving", "fct_lifecycle_events"]),
                dg.AssetKey(["marts", "dim_services"]),
            ],
            group_name=LIFECYCLE,
            kinds={"http"},
            owners=[OPERATIONS],
            skippable=True,
            description="Payment states told to the apps, which suspend and restore by them."
            " A dry run unless `go`.",
            metadata=docs_metadata(LIFECYCLE, Path(__file__)),
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            NO_DEAD_LETTERS,
            asset=KEY,
            description="No event was given up: a dead letter holds back what follows it.",
        ),
        dg.AssetCheckSpec(
            DELIVERED_SOON,
            asset=KEY,
            description=f"No enabled service's oldest event waits over {SECONDS_OF_LAG} seconds.",
        ),
    ],
    retry_policy=RETRY,
    pool=WEBHOOKS_POOL,
)
def lifecycle_webhooks(
    context: dg.AssetExecutionContext, config: WebhooksConfig, billing_warehouse: Warehouse
) -> Iterator[dg.MaterializeResult[object] | dg.AssetCheckResult]:
    """Freeze what is new, deliver what is due, tell what is stuck."""
    from publishers import webhooks

    with as_failures("webhooks"):
        settings = billing_warehouse.settings()
        migrate(settings)
        emitted = webhooks.emit(settings, go=config.go)
        delivered = webhooks.deliver(settings, go=config.go, limit=config.limit)
        stands = webhooks.summary(settings, datetime.now(UTC))
    for problem in delivered.problems:
        context.log.warning(problem)
    metadata = {"dry_run": not config.go, **_metadata(emitted, delivered)}
    if config.go:
        yield dg.MaterializeResult(asset_key=KEY, metadata=metadata)
    else:
        context.log_event(dg.AssetObservation(asset_key=KEY, metadata=metadata))
    yield from _checks(stands)


def _metadata(emitted: "EmitReport", delivered: "DeliveryReport") -> dict[str, Any]:
    said, sent = emitted.as_json(), delivered.as_json()
    counts = ("delivered", "retrying", "dead", "waiting")
    return {
        "emitted": emitted.emitted,
        "held": emitted.held,
        **{name: sent[name] for name in counts},
        "events": table(said["events"], ["event_type", "service", "occurred_at", "decision"]),
        "deliveries": table(sent["deliveries"], ["event_type", "service", "state", "attempts"]),
        "report": dg.MetadataValue.json({"emitted": said, "delivered": sent}),
    }


def _checks(stands: "Summary") -> Iterator[dg.AssetCheckResult]:
    yield dg.AssetCheckResult(
        asset_key=KEY,
        check_name=NO_DEAD_LETTERS,
        passed=stands.dead == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{stands.dead} dead letters: see `billing events`",
    )
    yield dg.AssetCheckResult(
        asset_key=KEY,
        check_name=DELIVERED_SOON,
        passed=stands.lag_seconds <= SECONDS_OF_LAG,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"the oldest event waits {stands.lag_seconds:.0f} seconds",
    )
