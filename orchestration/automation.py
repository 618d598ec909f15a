"""What runs, when, and what allows it.

Flows in: the assets and the settings. Flows out: jobs for people and for `billing run`; a
schedule and a sensor that stay stopped until BILLING_AUTOMATION names them.
"""

import time
from datetime import UTC, datetime

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from connections.postgres import warehouse
from connections.settings import load_settings
from loaders.tables import SOURCES
from orchestration.assets.drafts import KEY as DRAFTS
from orchestration.assets.imports import KEY as IMPORT
from orchestration.assets.webhooks import KEY as WEBHOOKS
from orchestration.names import PUBLISH_OP, WEBHOOKS_OP
from publishers.waiting import waiting
from publishers.webhooks import emit, summary

NIGHT_TIME = "0 3 * * *"
TIME_ZONE = "America/Toronto"
SECONDS_BETWEEN_LOOKS = 300
# How long the same work rests after a run that succeeded without taking it up: what is held stays
# held until somebody acts.
RETRY_SECONDS = 900
WORK = "billing/work"

_COPIES = dg.AssetSelection.groups(*(f"raw_{source}" for source in SOURCES))
_MODELS = dg.AssetSelection.groups("staging", "intermediate", "marts", "serving")
_DRAFTS = dg.AssetSelection.assets(DRAFTS)

refresh = dg.define_asset_job(
    "refresh",
    selection=_COPIES | _MODELS,
    description="Load both sources, then build and test the warehouse. Publishes nothing.",
)
rebuild = dg.define_asset_job(
    "rebuild",
    selection=_MODELS,
    description="Build and test the warehouse from what is loaded: after a changed rule.",
)
publish = dg.define_asset_job(
    "publish",
    selection=_DRAFTS,
    description="Publish approved lines as drafts in Odoo. A dry run unless configured to go.",
)
night = dg.define_asset_job(
    "night",
    selection=_COPIES | _MODELS | _DRAFTS,
    description="The whole night: refresh, then publish what people approved; a dry run unless go.",
)
webhooks = dg.define_asset_job(
    "webhooks",
    selection=dg.AssetSelection.assets(WEBHOOKS),
    description="Tell the apps what happened to their invoices. A dry run unless configured to go.",
)
import_shadow = dg.define_asset_job(
    "import_shadow",
    selection=dg.AssetSelection.assets(IMPORT),
    description="Customers, catalogue and draft orders in Odoo. A dry run unless configured to go.",
)
JOBS = (refresh, rebuild, publish, night, webhooks, import_shadow)


def _default_status(name: str) -> bool:
    return name in load_settings().automations


@dg.schedule(
    job=night,
    cron_schedule=NIGHT_TIME,
    execution_timezone=TIME_ZONE,
    default_status=(
        dg.DefaultScheduleStatus.RUNNING
        if _default_status("every_night")
        else dg.DefaultScheduleStatus.STOPPED
    ),
    description="Every night, when yesterday is over where we bill. Publishing stays dry.",
)
def every_night() -> dg.RunRequest:
    """One run a night."""
    return dg.RunRequest()


@dg.sensor(
    job=publish,
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    default_status=(
        dg.DefaultSensorStatus.RUNNING
        if _default_status("publish_approved")
        else dg.DefaultSensorStatus.STOPPED
    ),
    description="Publishes, for real, soon after an approval. Naming it allows it.",
)
def publish_approved(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run while anything may be published or is unfinished; a failed run is repeated."""
    settings = load_settings()
    with warehouse(settings) as conn:
        work = waiting(conn, settings.schema("marts"))
    if work is None:
        return dg.SkipReason("nothing may be published, and nothing is unfinished")
    if reason := _reason_to_wait(context.instance, work):
        return dg.SkipReason(reason)
    return dg.RunRequest(
        tags={WORK: work},
        run_config={"ops": {PUBLISH_OP: {"config": {"go": True, "by": "publish_approved"}}}},
    )


def _reason_to_wait(instance: dg.DagsterInstance, work: str) -> str | None:
    """Another run is at it, or one has just ended well and left this very work as it was."""
    unfinished = instance.get_runs(
        filters=dg.RunsFilter(
            job_name=publish.name,
            statuses=[status for status in dg.DagsterRunStatus if status not in FINISHED_STATUSES],
        ),
        limit=1,
    )
    if unfinished:
        return f"run {unfinished[0].run_id} is not finished"
    same_work = dg.RunsFilter(job_name=publish.name, tags={WORK: work})
    records = instance.get_run_records(filters=same_work, limit=1)
    if not records or not records[0].dagster_run.is_success:
        return None
    rested = time.time() - (records[0].end_time or 0)
    if rested < RETRY_SECONDS:
        return f"run {records[0].dagster_run.run_id} left it as it was {rested:.0f} s ago"
    return None


@dg.sensor(
    job=webhooks,
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    default_status=(
        dg.DefaultSensorStatus.RUNNING
        if _default_status("deliver_events")
        else dg.DefaultSensorStatus.STOPPED
    ),
    description="Delivers events, for real, while any are due. Naming it allows it.",
)
def deliver_events() -> dg.RunRequest | dg.SkipReason:
    """Ask for a run while something is due or new."""
    settings = load_settings()
    waiting = sum(service.pending for service in summary(settings, datetime.now(UTC)).services)
    if waiting == 0 and not any(n.decision == "send" for n in emit(settings).events):
        return dg.SkipReason("nothing to tell")
    return dg.RunRequest(run_config={"ops": {WEBHOOKS_OP: {"config": {"go": True}}}})


AUTOMATIONS = (every_night, publish_approved, deliver_events)
