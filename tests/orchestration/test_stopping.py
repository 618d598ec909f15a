"""Stopping a run, and two runs of one target: who waits, for whom, and what stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import dagster as dg
import psycopg2
import pytest

from orchestration.instance import (
    _lock_file,
    alive,
    fail_dead_runs,
    free_pools,
    holder,
    open_instance,
    watched,
)
from orchestration.stopping import children

REPOSITORY = Path(__file__).resolve().parents[2]
BUSY = """
import os, pathlib, subprocess, sys
import psycopg2
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from rich.console import Console
from orchestration.instance import alive, open_instance
from orchestration.run_progress import RunProgress
from orchestration.runs import _cancel
from orchestration.stopping import stoppable
home = pathlib.Path(os.environ["BILLING_HOME"])
with open_instance(home) as instance:
    run = create_run_for_test(instance, "night", status=DagsterRunStatus.STARTED)
    told = RunProgress(Console(), "night", 1)
    stopped = lambda _number: _cancel(instance, home, "night", run.run_id, told)
    with alive(home, run.run_id), stoppable(stopped):
        child = subprocess.Popen(["sleep", "60"])
        print(run.run_id, child.pid, flush=True)
        psycopg2.connect(sys.argv[1]).cursor().execute("select pg_sleep(60)")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_deep_in_a_query_ends_within_five_seconds(
    tmp_path: Path, warehouse_dsn: str, number: signal.Signals, code: int
) -> None:
    busy = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", BUSY, warehouse_dsn],
        cwd=REPOSITORY,
        env={"BILLING_HOME": str(tmp_path), "PATH": os.environ["PATH"], "DO_NOT_TRACK": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert busy.stdout
    run_id, child = busy.stdout.readline().split()
    time.sleep(0.5)
    busy.send_signal(number)
    started = time.monotonic()
    said = busy.stdout.read()
    assert busy.wait(timeout=30) == code
    assert time.monotonic() - started < 5
    assert said.splitlines() == [
        f"stopped: night (run {run_id[:8]}) is canceled; what is done stays, run it again"
    ]
    assert not _runs(child)
    with open_instance(tmp_path) as instance:
        run = instance.get_run_by_id(run_id)
        assert run
        assert run.status is dg.DagsterRunStatus.CANCELED
        assert fail_dead_runs(instance, tmp_path) == []


def _runs(child: str) -> bool:
    """An ended child whom nobody has asked about yet is still listed, as a zombie."""
    stat = Path(f"/proc/{child}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_children_are_found_and_no_strangers() -> None:
    child = subprocess.Popen(["sleep", "30"])
    assert child.pid in children()
    child.kill()
    child.wait()
    assert child.pid not in children()


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c",
    "import time; from orchestration.dbt_child import end_with_the_parent as end; end();"
    "print('there', flush=True); time.sleep(60)"], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows a parent's death")
def test_dbt_does_not_outlive_a_run_that_was_killed() -> None:
    """It would go on building where the next build builds."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = parent.stdout.readline().strip()
    assert _runs(child)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def test_dbt_says_its_version_without_asking_anybody() -> None:
    from importlib.metadata import version

    from orchestration.dbt import EXECUTABLE

    said = subprocess.run(
        [str(EXECUTABLE), "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout == f"installed: {version('dbt-core')}\n"


def test_run_monitoring_hears_of_a_run_whose_process_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever else could say so may be dead as well: the code server, PostgreSQL."""
    from dagster._core.launcher import WorkerStatus
    from dagster._core.test_utils import create_run_for_test

    from orchestration.instance import alive
    from orchestration.launcher import RunLauncher

    monkeypatch.setenv("BILLING_HOME", str(tmp_path))
    launcher = RunLauncher()
    assert launcher.supports_check_run_worker_health
    with dg.DagsterInstance.ephemeral() as instance:
        run = create_run_for_test(instance, "night", status=dg.DagsterRunStatus.STARTED)
    verdicts = [launcher.check_run_worker_health(run).status]  # it holds no lock yet
    with alive(tmp_path, run.run_id):
        verdicts.append(launcher.check_run_worker_health(run).status)
    verdicts.append(launcher.check_run_worker_health(run).status)  # it has ended
    (tmp_path / "running" / run.run_id).touch()  # what a killed one leaves
    verdicts.append(launcher.check_run_worker_health(run).status)
    assert verdicts == [*[WorkerStatus.RUNNING] * 3, WorkerStatus.FAILED]


def test_a_second_run_is_told_for_whom_it_waits(tmp_path: Path) -> None:
    """Of a pool one step runs at a time; what a dead run held is given back."""
    from dagster._core.test_utils import create_run_for_test

    with open_instance(tmp_path) as instance:
        run = create_run_for_test(instance, "night", status=dg.DagsterRunStatus.STARTING)
        instance.report_engine_event("started", run)
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default("warehouse")
        assert storage.claim_concurrency_slot("warehouse", run.run_id, "load").is_claimed
        assert not storage.claim_concurrency_slot("warehouse", "another", "load").is_claimed
        assert holder(instance, "warehouse", "another") == "another run"  # it has not begun yet
        instance.handle_new_event(_start_of(run))
        assert holder(instance, "warehouse", "another").startswith(
            f"night (run {run.run_id[:8]}), since 20"
        )
        free_pools(instance, run.run_id)
        assert storage.claim_concurrency_slot("warehouse", "another", "load").is_claimed


def test_a_run_that_is_killed_keeps_nobody_waiting(tmp_path: Path) -> None:
    from dagster._core.test_utils import create_run_for_test

    with open_instance(tmp_path) as instance:
        run = create_run_for_test(instance, "night", status=dg.DagsterRunStatus.STARTED)
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default("warehouse")
        assert storage.claim_concurrency_slot("warehouse", run.run_id, "load").is_claimed
        with watched(instance, tmp_path, seconds=0.05):
            with alive(tmp_path, run.run_id):
                assert not storage.claim_concurrency_slot("warehouse", "another", "x").is_claimed
                time.sleep(0.3)
                assert not storage.claim_concurrency_slot("warehouse", "another", "x").is_claimed
                (tmp_path / "kept").hardlink_to(_lock_file(tmp_path, run.run_id))
            (tmp_path / "kept").rename(_lock_file(tmp_path, run.run_id))  # as a kill leaves it
            deadline = time.monotonic() + 30
            while not storage.claim_concurrency_slot("warehouse", "another", "x").is_claimed:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def _start_of(run: dg.DagsterRun) -> dg.EventLogEntry:
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name
    )
    return dg.EventLogEntry(
        error_info=None, level=20, user_message="", run_id=run.run_id, timestamp=time.time(),
        job_name=run.job_name, dagster_event=event,
    )  # fmt: skip


def test_a_build_waits_for_another_warehouse_user_and_says_whose(
    tmp_path: Path, warehouse_dsn: str
) -> None:
    """Two machines with a Dagster each may share a warehouse: its own lock keeps them apart."""
    import threading

    from connections.settings import load_settings
    from orchestration.warehouse import only_one

    settings = load_settings(billing_home=tmp_path, warehouse_dsn=warehouse_dsn)
    heard: list[str] = []
    second_is_in = threading.Event()

    def second() -> None:
        with only_one(settings, "dbt build", "run two", heard.append):
            second_is_in.set()

    with only_one(settings, "dbt build", "run one", heard.append):
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 30
        while not heard and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not second_is_in.is_set()
    thread.join(30)
    assert second_is_in.is_set()
    [said] = heard
    assert said.startswith("waits for dbt build, run one, since 20")
    with closing(psycopg2.connect(warehouse_dsn)) as conn, conn.cursor() as cursor:
        cursor.execute("select count(*) from pg_locks where locktype = 'advisory'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("verb", ["ui", "dashboard"])
def test_pages_refuse_a_port_that_is_taken(verb: str, tmp_path: Path) -> None:
    import socket

    from orchestration.command_error import CommandError
    from orchestration.commands.ui import _refuse_taken

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        with pytest.raises(CommandError, match=f"127.0.0.1:{port} cannot be listened on"):
            _refuse_taken("127.0.0.1", port, verb)
    _refuse_taken("127.0.0.1", port, verb)
