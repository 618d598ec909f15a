"""A deployment in a folder, started by the very lines of deploy/systemd, and asked as the UI asks.

In: addresses of the sources, a warehouse and a database for Dagster's history. Out: code server,
daemon and web server as processes that a test may kill, and runs over GraphQL.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from pages_world import _die_with_the_tests
from psycopg2.extensions import parse_dsn

REPOSITORY = Path(__file__).resolve().parents[3]
DEPLOY = REPOSITORY / "deploy"
BINARIES = Path(sys.executable).parent
SERVICES = ("code", "daemon", "webserver")
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
LAUNCH = """
mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
} }
"""
ALERTED = re.compile(r"run failed: (\w+) failed \(run ([0-9a-f]{8})\)")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], said: str, seconds: float = 120) -> Any:
    """The first answer that is true; an error of a server that is not there yet is no answer."""
    deadline, error = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if answer := what():
                return answer
        except (urllib.error.URLError, ConnectionError, TimeoutError, KeyError, TypeError) as e:
            error = e
        time.sleep(0.3)
    raise AssertionError(f"{said}: not within {seconds:.0f} s ({error})")


@dataclass
class Deployment:
    """`environment` is what /etc/fusion-billing/environment would say, `secrets` its other file."""

    folder: Path
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    history_dsn: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    code_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)

    def prepare(self) -> Deployment:
        """The files of deploy/ as README.md installs them, with other ports and shorter waits."""
        home = self.folder / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        history = parse_dsn(self.history_dsn)
        text = (DEPLOY / "dagster.yaml").read_text()
        text = text.replace("port: 5432", f"port: {history['port']}")
        text = text.replace("poll_interval_seconds: 60", "poll_interval_seconds: 2")
        text = text.replace("run_end_seconds: 60", "run_end_seconds: 2")
        text = text.replace("start_timeout_seconds: 300", "start_timeout_seconds: 60")
        (home / "dagster.yaml").write_text(text)
        workspace = (DEPLOY / "workspace.yaml").read_text()
        (self.folder / "workspace.yaml").write_text(
            workspace.replace("port: 4000", f"port: {self.code_port}")
        )
        lines = [f"{name}={value}" for name, value in self.secrets.items()]
        (self.folder / "secrets").write_text("\n".join(lines))
        return self

    def command(self, service: str, entry: str = "ExecStart") -> list[str]:
        """The line of a unit, with this folder instead of the machine's."""
        unit = (DEPLOY / "systemd" / f"billing-{service}.service").read_text()
        found = re.search(rf"^{entry}=(.*)$", unit, re.MULTILINE)
        assert found, f"{service} has no {entry}"
        line = found[1].replace("-p 4000", f"-p {self.code_port}")
        line = line.replace("-p 3000", f"-p {self.web_port}")
        line = line.replace("/opt/fusion-billing/deploy/workspace.yaml", "WORKSPACE")
        line = line.replace("/opt/fusion-billing/.venv/bin", str(BINARIES))
        line = line.replace("/opt/fusion-billing", str(REPOSITORY))
        return shlex.split(line.replace("WORKSPACE", str(self.folder / "workspace.yaml")))

    def variables(self) -> dict[str, str]:
        kept = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")
        history = parse_dsn(self.history_dsn)
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "BILLING_HOME": str(self.folder),
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "DAGSTER_PG_HOST": history["host"],
            "DAGSTER_PG_USER": history["user"],
            "DAGSTER_PG_DB": history["dbname"],
            "DAGSTER_PG_PASSWORD": "trusted",
            "BILLING_CODE_HOST": "127.0.0.1",
            "CREDENTIALS_DIRECTORY": str(self.folder),
            "DO_NOT_TRACK": "1",
            **self.environment,
        }

    def start(self, *services: str) -> Deployment:
        for service in services or SERVICES:
            with (self.folder / f"{service}.log").open("ab") as log:
                self.processes[service] = subprocess.Popen(
                    self.command(service), cwd=REPOSITORY, env=self.variables(), stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True,
                    preexec_fn=_die_with_the_tests,
                )  # fmt: skip
        return self

    def run_unit(self, service: str, entry: str = "ExecStart") -> None:
        """A unit that ends by itself."""
        with (self.folder / f"{service}.log").open("ab") as log:
            subprocess.run(
                self.command(service, entry), cwd=REPOSITORY, env=self.variables(), stdout=log,
                stderr=subprocess.STDOUT, check=True, timeout=600,
            )  # fmt: skip

    def stop(self) -> None:
        for service in list(self.processes):
            self.kill(service)

    def kill(self, service: str) -> None:
        """SIGKILL for the process and all that it started: what systemd does, and a reboot."""
        process = self.processes.pop(service)
        for each in [*self.tree(process.pid), psutil.Process(process.pid)]:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        process.wait(timeout=30)

    def kill_worker(self) -> bool:
        """SIGKILL for the process of a run, and nothing else; False where there is none."""
        workers = [
            each
            for each in self.tree(self.processes["code"].pid)
            if any("spawn_main" in word for word in each.cmdline())
        ]
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
        return bool(workers)

    def tree(self, pid: int) -> list[psutil.Process]:
        try:
            return psutil.Process(pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    # ------------------------------------------------------------------------------------ GraphQL

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def ask(self, query: str, **variables: Any) -> Any:
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def wait(self) -> Deployment:
        """Until the pages know the assets and the daemon has said that it is well."""
        wait_for(lambda: self.ask("{ assetNodes { id } }")["assetNodes"], "assets in the UI", 240)
        wait_for(self._is_daemon_well, "a healthy daemon", 240)
        return self

    def _is_daemon_well(self) -> bool:
        query = (
            "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }"
        )
        statuses = self.ask(query)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(each["healthy"] for each in statuses if each["required"])

    def launch(self, job: str, config: Mapping[str, Any] | None = None, **tags: str) -> str:
        """Ask for a run as the launchpad does; its id."""
        selector = {
            "repositoryLocationName": "fusion_billing",
            "repositoryName": "__repository__",
            "jobName": job,
        }
        params = {
            "selector": selector,
            "runConfigData": config or {},
            "mode": "default",
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        }
        said = self.ask(LAUNCH, params=params)["launchRun"]
        assert said["__typename"] == "LaunchRunSuccess", said
        return str(said["run"]["runId"])

    def status(self, run_id: str) -> str:
        query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
        return str(self.ask(query, id=run_id)["runOrError"]["status"])

    def end(self, run_id: str, seconds: float = 600) -> str:
        """How a run ended."""
        wait_for(lambda: self.status(run_id) in ENDED, f"the end of run {run_id[:8]}", seconds)
        return self.status(run_id)

    def runs(self, *statuses: str) -> list[str]:
        """Runs in one of these states."""
        found = self.ask("{ runsOrError { ... on Runs { results { runId status } } } }")
        results = found["runsOrError"]["results"]
        return [each["runId"] for each in results if each["status"] in statuses]

    def unfinished(self) -> list[str]:
        found = self.ask("{ runsOrError { ... on Runs { results { runId status } } } }")
        results = found["runsOrError"]["results"]
        return [each["runId"] for each in results if each["status"] not in ENDED]

    def claimed_pools(self) -> list[str]:
        """Pools in which somebody still is."""
        query = "{ instance { concurrencyLimits { concurrencyKey claimedSlots { runId } } } }"
        limits = self.ask(query)["instance"]["concurrencyLimits"]
        return [each["concurrencyKey"] for each in limits if each["claimedSlots"]]


def alerted(posts: list[Any]) -> Iterator[str]:
    """The first eight signs of each run that an alert told of, as often as it did."""
    for post in posts:
        for _, run in ALERTED.findall(post["text"]):
            yield run
