"""Runs of Dagster jobs inside this process, told to a person while they go on.

Flows in: settings, the job's name, its configuration. Flows out: an Outcome; the run itself is
kept in DAGSTER_HOME, so the UI shows it; what dbt and Dagster say goes to a log file, for
stdout is the answer's.
"""

from __future__ import annotations

import importlib
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from connections.settings import Settings
from orchestration import dbt
from orchestration.instance import (
    alive,
    fail_dead_runs,
    forget,
    free_pools,
    holder,
    open_instance,
    watched,
)
from orchestration.names import DEFINITIONS
from orchestration.outcome import Outcome
from orchestration.run_log import SILENT, log_file, output_into, print_event
from orchestration.run_progress import RunProgress
from orchestration.stopping import stoppable


def execute(settings: Settings, job: str, config: Mapping[str, Any] | None = None) -> Outcome:
    """Run the job to its end; never raises for a failed run, the Outcome says it."""
    started = time.monotonic()
    log, as_json = log_file(settings.billing_home, job), settings.billing_log_format == "json"
    with (
        output_into(log, as_json=as_json) as terminal,
        open_instance(settings.billing_home) as instance,
    ):
        dbt.prepare(settings)
        # Loaded by name, as Dagster's own tools do: no room imports the definitions.
        definitions: dg.Definitions = importlib.import_module(DEFINITIONS).defs
        job_definition = definitions.resolve_job_def(job)
        fail_dead_runs(instance, settings.billing_home)
        run_id = str(uuid.uuid4())
        assets = len(job_definition.asset_layer.selected_asset_keys)
        with (
            alive(settings.billing_home, run_id),
            watched(instance, settings.billing_home),
            RunProgress(terminal, job, assets) as told,
            stoppable(lambda _number: _cancel(instance, settings.billing_home, job, run_id, told)),
        ):
            instance.add_event_listener(run_id, _listener(instance, told))
            if as_json:
                instance.add_event_listener(run_id, print_event)
            result = job_definition.execute_in_process(
                run_config={**(config or {}), **(SILENT if as_json else {})},
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
            )
    outcome = _outcome(job, result)
    outcome.seconds, outcome.log = time.monotonic() - started, log
    return outcome


def _listener(
    instance: dg.DagsterInstance, told: RunProgress
) -> Callable[[dg.EventLogEntry], None]:
    """Hear a run's events; where it waits for a pool, say for whom."""

    said = ""

    def hear(entry: dg.EventLogEntry) -> None:
        nonlocal said
        event = entry.dagster_event
        if event and event.event_type is dg.DagsterEventType.ENGINE_EVENT:
            pool = event.engine_event_data.metadata.get("pool")
            before = holder(instance, str(pool.value), entry.run_id) if pool else said
            if before != said:
                said = before
                told.note(f"waits for {said}")
        told.hear(entry)

    return hear


def _cancel(
    instance: dg.DagsterInstance, home: Path, job: str, run_id: str, told: RunProgress
) -> None:
    """What a stopped run leaves: a sentence, a run that is canceled, and its places free."""
    told.note(f"stopped: {job} (run {run_id[:8]}) is canceled; what is done stays, run it again")
    if run := instance.get_run_by_id(run_id):
        instance.report_run_canceled(run, "stopped by a person")
    free_pools(instance, run_id)
    forget(home, run_id)


def _outcome(job: str, result: dg.ExecuteInProcessResult) -> Outcome:
    outcome = Outcome(job=job, run_id=result.run_id, succeeded=result.success)
    for event in result.all_events:
        if event.is_step_materialization:
            _count_materialization(outcome, event)
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            _count_check(outcome, event)
        elif event.is_step_failure:
            outcome.failures.append(_failure(event))
    return outcome


def _count_materialization(outcome: Outcome, event: dg.DagsterEvent) -> None:
    outcome.materialized += 1
    materialization = event.step_materialization_data.materialization
    outcome.metadata[materialization.asset_key.to_user_string()] = {
        name: value.value for name, value in materialization.metadata.items()
    }


def _count_check(outcome: Outcome, event: dg.DagsterEvent) -> None:
    evaluation = event.asset_check_evaluation_data
    if evaluation.passed:
        outcome.checks_passed += 1
        return
    said = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
    if evaluation.description:
        said += f": {evaluation.description}"
    blocking = evaluation.severity is dg.AssetCheckSeverity.ERROR
    (outcome.failures if blocking else outcome.warnings).append(said)


def _failure(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return f"{event.step_key}: {error.message.strip() if error else 'failed'}"
