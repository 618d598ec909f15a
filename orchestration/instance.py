"""Dagster's memory: runs, events and checks, under BILLING_HOME, telemetry off.

Flows in: the home folder. Flows out: a DagsterInstance that the UI and the command line share,
so that what an operator sees is what ran.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

# `run_coordinator` keeps two runs of one kind from treading on each other when started from the UI;
# the ledger and the warehouse's locks keep them right wherever they are started from.
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
"""


def dagster_home(home: Path) -> Path:
    """The folder that DAGSTER_HOME names, made and configured when it is new."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    if not file.exists():
        file.write_text(_CONFIGURATION)
    return folder


def open_instance(home: Path) -> dg.DagsterInstance:
    """The persistent instance of this home."""
    import dagster as dg  # slow to import, and `billing env` needs only the folder

    return dg.DagsterInstance.from_config(str(dagster_home(home)))
