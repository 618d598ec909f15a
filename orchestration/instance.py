"""Dagster's memory: runs, events and checks, under BILLING_HOME, telemetry off.

Flows in: the home folder. Flows out: a DagsterInstance that the UI and the command line share, so
that what an operator sees is what ran.
"""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import TYPE_CHECKING

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
