"""Dagster's memory: runs, events and checks, under BILLING_HOME, telemetry off.

Flows in: the home folder. Flows out: a DagsterInstance that the UI and the command line share, so
that what an operator sees is what ran. A run holds a lock on a file as long as its process lives:
one that was killed is marked as failed by whoever comes next.
"""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    import dagster as dg

OURS = "# Written by `billing`. Take this line away to keep changes of your own.\n"
_CONFIGURATION = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 2
  pools:
    default_limit: 1
    granularity: op
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 7
      failure: 30
      success: 90
event_log_storage:
  module: orchestration.event_log
  class: RunHistory
  config:
    base_dir: {events}
"""


def dagster_home(home: Path) -> Path:
    """The folder that DAGSTER_HOME names, configured; a person's own file is left alone."""
    folder = (home / "dagster").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    text = OURS + _CONFIGURATION.format(events=json.dumps(str(folder / "events")))
    known = file.read_text() if file.exists() else OURS
    if known.startswith(OURS) and known != text:
        file.write_text(text)
    return folder


def open_instance(home: Path) -> dg.DagsterInstance:
    """The persistent instance of this home; two processes make its files one after the other."""
    import dagster as dg  # slow to import, and `billing env` needs only the folder

    folder = dagster_home(home)
    with (folder / "open.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return dg.DagsterInstance.from_config(str(folder))


@contextmanager
def alive(home: Path, run_id: str) -> Iterator[None]:
    """Hold the lock of a run of this process; the kernel lets go of it however the process ends.

    Shared: the verb that starts a run holds it as well as the run itself.
    """
    file = _lock_file(home, run_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
        file.unlink(missing_ok=True)


def forget(home: Path, run_id: str) -> None:
    """The run of this process is over, whatever its end."""
    _lock_file(home, run_id).unlink(missing_ok=True)


def fail_dead_runs(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Mark runs as failed whose process is gone; their ids."""
    import dagster as dg

    unfinished = (
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    )
    dead = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=[*unfinished])):
        if is_dead(home, run.run_id):
            instance.report_run_failed(run, "the process of this run was killed")
            free_pools(instance, run.run_id)
            forget(home, run.run_id)
            dead.append(run.run_id)
    return dead


@contextmanager
def watched(instance: dg.DagsterInstance, home: Path, seconds: float = 5) -> Iterator[None]:
    """Look for dead runs again and again meanwhile: one that is killed while this run waits for its
    pool would keep it waiting for ever.
    """
    over = threading.Event()

    def look() -> None:
        while not over.wait(seconds):
            with suppress(DBAPIError):  # its database is busy or away: the next look will do
                fail_dead_runs(instance, home)

    thread = threading.Thread(target=look, name="watch for dead runs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def is_dead(home: Path, run_id: str) -> bool:
    """Whether the process of this run is gone and did not say its end."""
    file = _lock_file(home, run_id)
    return file.exists() and _is_free(file)


def free_pools(instance: dg.DagsterInstance, run_id: str) -> None:
    """Give back what a run that ended in the middle still holds."""
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def holder(instance: dg.DagsterInstance, pool: str, asks: str) -> str:
    """Which run is in the pool before this one, and since when, as words."""
    info = instance.event_log_storage.get_concurrency_info(pool)
    for run_id in sorted((info.active_run_ids | info.assigned_run_ids) - {asks}):
        record = instance.get_run_record_by_id(run_id)
        if record and record.start_time:
            since = datetime.fromtimestamp(record.start_time, UTC)
            name = f"{record.dagster_run.job_name} (run {run_id[:8]})"
            return f"{name}, since {since:%Y-%m-%d %H:%M:%S} UTC"
    return "another run"


def _lock_file(home: Path, run_id: str) -> Path:
    return home / "running" / run_id


def _is_free(file: Path) -> bool:
    with suppress(FileNotFoundError), file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
    return False
