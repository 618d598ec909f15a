"""Lifecycle events go out to the apps as signed webhooks.

Flows in: serving/fct_lifecycle_events. Flows out: events frozen in `ops`, and POSTs to the
receivers of services that enabled them. A dry run unless the run says `go`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from connections.settings import load_settings
from orchestration.failures import RETRY, as_failures
from orchestration.names import WEBHOOKS_KEY, WEBHOOKS_OP
from orchestration.warehouse import migrate
from publishers import webhooks
from publishers.webhooks import Summary

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
                dg.AssetKey(["marts", "dim_webhook_endpoints"]),
            ],
            group_name="published",
            kinds={"http"},
            description="Payment states told to the apps, which suspend and restore by them.",
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
)
def lifecycle_webhooks(
    context: dg.AssetExecutionContext, config: WebhooksConfig
) -> Iterator[dg.MaterializeResult[object] | dg.AssetCheckResult]:
    """Freeze what is new, deliver what is due, tell what is stuck."""
    with as_failures("webhooks"):
        settings = load_settings()
        migrate(settings)
        emitted = webhooks.emit(settings, go=config.go)
        delivered = webhooks.deliver(settings, go=config.go, limit=config.limit)
        stands = webhooks.summary(settings, datetime.now(UTC))
    for problem in delivered.problems:
        context.log.warning(problem)
    yield dg.MaterializeResult(
        asset_key=KEY,
        metadata={
            "dry_run": not config.go,
            "emitted": emitted.emitted,
            "held": emitted.held,
            "delivered": delivered.delivered,
            "retrying": delivered.retrying,
            "dead": delivered.dead,
            "waiting": delivered.waiting,
            "report": dg.MetadataValue.json(
                {"emitted": emitted.as_json(), "delivered": delivered.as_json()}
            ),
        },
    )
    yield from _checks(stands)


def _checks(stands: Summary) -> Iterator[dg.AssetCheckResult]:
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
