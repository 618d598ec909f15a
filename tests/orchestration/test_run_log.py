"""A run's log as JSON lines: each line one object, whoever wrote it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import subprocess, sys, pathlib
import dagster as dg
from orchestration.run_log import SILENT, output_into, print_event

@dg.asset(key=["marts", "made"])
def made(context):
    context.log.warning("one line is held")
    print("\\x1b[32m1 of 1 OK\\x1b[0m created")
    subprocess.run(["sh", "-c", "echo a child; echo '{\\"not\\": ours}' >&2"])

with output_into(pathlib.Path(sys.argv[1]), as_json=True) as terminal:
    with dg.DagsterInstance.ephemeral() as instance:
        jobs = [dg.define_asset_job("refresh")]
        job = dg.Definitions([made], jobs=jobs).resolve_job_def("refresh")
        run = "5c3a9d1e-9a55-4d0e-8c61-0d2a3b4c5d6e"
        instance.add_event_listener(run, print_event)
        job.execute_in_process(instance=instance, run_id=run, run_config=SILENT)
    terminal.print("for the person")
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    log = tmp_path_factory.mktemp("log") / "run.log"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(log)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "for the person\n")
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_every_line_is_an_object_with_time_and_level(lines: list[dict[str, Any]]) -> None:
    assert all({"time", "level", "message"} <= set(line) for line in lines)
    said = [line["message"] for line in lines]
    assert {"1 of 1 OK created", "a child", '{"not": ours}'} <= set(said)
    assert not any(" - dagster - " in message for message in said)  # Dagster's console is silent


def test_an_event_of_a_run_has_its_parts(lines: list[dict[str, Any]]) -> None:
    [made] = [line for line in lines if line.get("event") == "ASSET_MATERIALIZATION"]
    assert made["job"] == "refresh"
    assert made["run_id"] == "5c3a9d1e-9a55-4d0e-8c61-0d2a3b4c5d6e"
    assert made["asset"] == "marts/made"
    [held] = [line for line in lines if line["message"] == "one line is held"]
    assert held["level"] == "WARNING"
    assert held["step"] == "marts__made"


def test_a_format_that_nobody_knows_is_refused() -> None:
    from connections.errors import SettingsError
    from connections.settings import load_settings

    with pytest.raises(SettingsError, match="BILLING_LOG_FORMAT"):
        load_settings(billing_log_format="xml")
