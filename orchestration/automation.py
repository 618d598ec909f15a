"""What runs, when, and what allows it.

Flows in: the assets and the settings. Flows out: jobs for people and for `billing run`; a
schedule and a sensor that stay stopped until BILLING_AUTOMATION names them.
"""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from connections.postgres import warehouse
from connections.settings import load_settings
from orchestration.assets.copies import copies
from orchestration.assets.drafts import KEY as DRAFTS
from orchestration.assets.imports import KEY as IMPORT
from orchestration.assets.models import models
from orchestration.assets.months import MONTHS, PUBLISHED, RATED, RECONCILED, TIME_ZONE
from orchestration.assets.reports import SHEET
from orchestration.assets.webhooks import KEY as WEBHOOKS
from orchestration.maintenance import maintenance
from orchestration.names import LOAD_OP, PUBLISH_OP, WEBHOOKS_OP
from orchestration.resources import NexaCloud, Odoo, Warehouse

NIGHT_TIME, MONTH_END_TIME, WEEK_END_TIME = "0 3 * * *", "0 6 1 * *", "30 1 * * 0"
SHEET_TIME = "0 7 3 * *"
# How long the same work rests after a run that succeeded without taking it up: what is held stays
# held until somebody acts.
RETRY_SECONDS = 900
WORK = "billing/work"
# A run that takes longer is stopped by the daemon (run_monitoring in dagster.yaml).
HOURS_AT_MOST = {"dagster/max_runtime": str(6 * 3600)}
MINUTES_AT_MOST = {"dagster/max_runtime": str(3600)}

SETTINGS = load_settings()
NAMED = SETTINGS.automations
_COPIES = dg.AssetSelection.assets(copies)
_MODELS = dg.AssetSelection.assets(models)
_DRAFTS = dg.AssetSelection.assets(DRAFTS)
_MONTH = dg.AssetSelection.assets(RATED, RECONCILED)

refresh = dg.define_asset_job(
    "refresh",
    selection=_COPIES | _MODELS,
    tags=HOURS_AT_MOST,
    description="Load both sources, then build and test the warehouse. Publishes nothing.",
)
rebuild = dg.define_asset_job(
    "rebuild",
    selection=_MODELS,
    tags=HOURS_AT_MOST,
    description="Build and test the warehouse from what is loaded: after a changed rule.",
)
sweep = dg.define_asset_job(
    "sweep",
    selection=_COPIES,
    tags=HOURS_AT_MOST,
    config={"ops": {LOAD_OP: {"config": {"full": True}}}},
    description="Load with every row compared: finds what a source changed or deleted untold.",
)
reconcile = dg.define_asset_job(
    "reconcile",
    selection=_MONTH,
    partitions_def=MONTHS,
    tags=MINUTES_AT_MOST,
    description="Look at a month in the build in use: what was rated, how it reconciles.",
)
rebuild_month = dg.define_asset_job(
    "rebuild_month",
    selection=_MODELS | _MONTH,
    partitions_def=MONTHS,
    tags=HOURS_AT_MOST,
    description="Rebuild what the month touches, swap in a whole build, look at the month.",
)
publish = dg.define_asset_job(
    "publish",
    selection=_DRAFTS,
    tags=MINUTES_AT_MOST,
    description="Publish approved lines as drafts in Odoo. A dry run unless configured to go.",
)
publish_month = dg.define_asset_job(
    "publish_month",
    selection=dg.AssetSelection.assets(PUBLISHED),
    partitions_def=MONTHS,
    tags=MINUTES_AT_MOST,
    description="Publish what was approved of a month. A dry run unless configured to go.",
)
send_sheet = dg.define_asset_job(
    "send_sheet",
    selection=dg.AssetSelection.assets(SHEET),
    partitions_def=MONTHS,
    tags=MINUTES_AT_MOST,
    description="The month-end sheet of a month as XLSX and PDF, to a folder or by mail.",
)
night = dg.define_asset_job(
    "night",
    selection=_COPIES | _MODELS | _DRAFTS,
    tags=HOURS_AT_MOST,
    description="The whole night: refresh, then publish what people approved; a dry run unless go.",
)
events = dg.define_asset_job(
    "events",
    selection=dg.AssetSelection.assets(WEBHOOKS),
    tags=MINUTES_AT_MOST,
    description="Tell the apps what happened to their invoices. A dry run unless configured to go.",
)
import_shadow = dg.define_asset_job(
    "import_shadow",
    selection=dg.AssetSelection.assets(IMPORT),
    tags=MINUTES_AT_MOST,
    description="Customers, catalogue and draft orders in Odoo. A dry run unless configured to go.",
)
JOBS = (
    refresh, rebuild, sweep, reconcile, rebuild_month, publish, publish_month, night, events,
    import_shadow, send_sheet, maintenance,
)  # fmt: skip


def _schedule_status(name: str) -> dg.DefaultScheduleStatus:
    status = dg.DefaultScheduleStatus
    return status.RUNNING if name in NAMED else status.STOPPED


def _sensor_status(name: str) -> dg.DefaultSensorStatus:
    status = dg.DefaultSensorStatus
    return status.RUNNING if name in NAMED else status.STOPPED


@dg.schedule(
    job=night,
    cron_schedule=NIGHT_TIME,
    execution_timezone=TIME_ZONE,
    default_status=_schedule_status("every_night"),
    description="Every night, when yesterday is over where we bill. Publishing stays dry.",
)
def every_night() -> dg.RunRequest:
    """One run a night."""
    return dg.RunRequest()


@dg.schedule(
    job=reconcile,
    cron_schedule=MONTH_END_TIME,
    execution_timezone=TIME_ZONE,
    default_status=_schedule_status("month_end"),
    description="On the first of a month, after the night: how the month before reconciles.",
)
def month_end(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The month that has just ended."""
    return _of_the_month_before(context)


@dg.schedule(
    job=send_sheet,
    cron_schedule=SHEET_TIME,
    execution_timezone=TIME_ZONE,
    default_status=_schedule_status("month_sheet"),
    description="On the third of a month: the sheet of the month before leaves.",
)
def month_sheet(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The month that has just ended."""
    return _of_the_month_before(context)


def _of_the_month_before(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    today = context.scheduled_execution_time.astimezone(ZoneInfo(TIME_ZONE))
    ended = today.replace(day=1) - timedelta(days=1)
    return dg.RunRequest(partition_key=f"{ended:%Y-%m}", run_key=f"{ended:%Y-%m}")


@dg.schedule(
    job=maintenance,
    cron_schedule=WEEK_END_TIME,
    execution_timezone=TIME_ZONE,
    default_status=_schedule_status("every_week"),
    description="Every Sunday before the night: vacuum, old runs, old files.",
)
def every_week() -> dg.RunRequest:
    """One run a week."""
    return dg.RunRequest()


@dg.sensor(
    job=publish,
    minimum_interval_seconds=SETTINGS.billing_look_seconds,
    default_status=_sensor_status("publish_approved"),
    description="Publishes, for real, soon after an approval. Naming it allows it.",
)
def publish_approved(
    context: dg.SensorEvaluationContext, billing_warehouse: Warehouse, odoo: Odoo
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run while anything may be published or is unfinished; a failed run is repeated."""
    from publishers.waiting import waiting

    settings = billing_warehouse.settings(odoo)
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


UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def _reason_to_wait(instance: dg.DagsterInstance, work: str) -> str | None:
    """Another run is at it, or one has just ended well and left this very work as it was."""
    if reason := _unfinished(instance, publish.name):
        return reason
    same_work = dg.RunsFilter(job_name=publish.name, tags={WORK: work})
    records = instance.get_run_records(filters=same_work, limit=1)
    if not records or not records[0].dagster_run.is_success:
        return None
    rested = time.time() - (records[0].end_time or 0)
    if rested < RETRY_SECONDS:
        return f"run {records[0].dagster_run.run_id} left it as it was {rested:.0f} s ago"
    return None


def _unfinished(instance: dg.DagsterInstance, job_name: str) -> str | None:
    """Another run of the job is waiting or at work; what it leaves, the next look sees."""
    filters = dg.RunsFilter(job_name=job_name, statuses=UNFINISHED)
    runs = instance.get_runs(filters=filters, limit=1)
    return f"run {runs[0].run_id} is not finished" if runs else None


@dg.sensor(
    job=events,
    minimum_interval_seconds=SETTINGS.billing_look_seconds,
    default_status=_sensor_status("deliver_events"),
    description="Delivers events, for real, while any are due. Naming it allows it.",
)
def deliver_events(
    context: dg.SensorEvaluationContext, billing_warehouse: Warehouse
) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run while something is due or new; one at a time, so a failed one is repeated."""
    from publishers.webhooks import emit, is_due

    settings = billing_warehouse.settings()
    is_new = any(note.decision == "send" for note in emit(settings).events)
    if not is_new and not is_due(settings, datetime.now(UTC)):
        return dg.SkipReason("nothing to tell")
    if reason := _unfinished(context.instance, events.name):
        return dg.SkipReason(reason)
    return dg.RunRequest(run_config={"ops": {WEBHOOKS_OP: {"config": {"go": True}}}})


@dg.sensor(
    minimum_interval_seconds=SETTINGS.billing_look_seconds,
    default_status=_sensor_status("alert"),
    description="Tells people what failed or waits for them: one digest, each matter once.",
)
def alert(
    context: dg.SensorEvaluationContext, billing_warehouse: Warehouse, nexacloud: NexaCloud
) -> dg.SensorResult | dg.SkipReason:
    """The cursor is what was told: a digest that could not be sent is tried again."""
    from orchestration.alerts import tell

    settings = billing_warehouse.settings(nexacloud)
    told, cursor = tell(settings, context.instance, context.cursor)
    said = f"{told} told" if told else "nothing new to tell"
    return dg.SensorResult(cursor=cursor, skip_reason=dg.SkipReason(said))


AUTOMATIONS = (
    every_night, month_end, month_sheet, every_week, publish_approved, deliver_events, alert,
)  # fmt: skip
