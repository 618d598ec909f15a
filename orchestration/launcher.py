"""Dagster's own launcher of runs, which also notices a run whose process is gone.

Flows in: runs that are marked as started. Flows out: their verdict for Dagster's run monitoring,
which marks a dead one as failed. Without it a run whose code server died too (a reboot, a full
memory), or whose end nobody could write down (PostgreSQL was away), stays started and keeps its
pool for hours. dagster.yaml names this class; on Kubernetes its own launcher knows by itself.
"""

from __future__ import annotations

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

from connections.settings import load_settings
from orchestration.instance import is_dead


class RunLauncher(DefaultRunLauncher):
    """A run holds a lock as long as its process lives (orchestration/instance.py)."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """So that run monitoring asks."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Dead where the lock is free. Monitoring looks again whether the run has ended since."""
        if not is_dead(load_settings().billing_home, run.run_id):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "its process was killed")
