"""The files of deploy/ are read by the tools that will read them, as far as those run here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SETTING = re.compile(r"^([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def _yaml(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """The paths are of the machine that will run them: here they lead to programs that exist."""
    for unit in UNITS:
        text = unit.read_text()
        programs = set(re.findall(r"/opt/fusion-billing/[\w./-]+", text))
        for program in programs:
            here = tmp_path / program.lstrip("/")
            here.parent.mkdir(parents=True, exist_ok=True)
            if here.name != "README.md" and not here.exists():
                here.write_text("#!/bin/sh\n")
                here.chmod(0o755)
        (tmp_path / unit.name).write_text(text.replace("/opt/", f"{tmp_path}/opt/"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "billing" in line]
    assert said == []


def test_every_program_of_a_unit_is_in_the_repository_or_the_environment() -> None:
    for unit in UNITS:
        for path in re.findall(r"/opt/fusion-billing/([\w./-]+)", unit.read_text()):
            assert path.startswith(".venv/bin/") or (REPOSITORY / path).exists(), unit.name


def test_dagster_takes_its_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dagster._core.instance.config import dagster_instance_config
    from dagster_postgres import DagsterPostgresStorage

    for name in ("HOST", "USER", "PASSWORD", "DB"):
        monkeypatch.setenv(f"DAGSTER_PG_{name}", "given")
    shutil.copy(DEPLOY / "dagster.yaml", tmp_path)
    given, _ = dagster_instance_config(str(tmp_path))
    assert given["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}
    config = DagsterPostgresStorage.config_type()
    assert set(given["storage"]["postgres"]) <= set(config)


def test_dagster_s_history_works_in_postgresql(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run, its pool and its end, in the storage that a deployment has."""
    import dagster as dg

    dsn = database()
    parts = re.fullmatch(r"postgresql://(\w+)@([\d.]+):(\d+)/(\w+)", dsn)
    assert parts
    text = (DEPLOY / "dagster.yaml").read_text().replace("port: 5432", f"port: {parts[3]}")
    (tmp_path / "dagster.yaml").write_text(text)
    for name, value in (("USER", 1), ("HOST", 2), ("DB", 4)):
        monkeypatch.setenv(f"DAGSTER_PG_{name}", parts[value])
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "trusted")

    @dg.op(pool="warehouse")
    def work() -> None:
        pass

    @dg.job
    def night() -> None:
        work()

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert night.execute_in_process(instance=instance).success
        [run] = instance.get_runs()
        assert run.status is dg.DagsterRunStatus.SUCCESS
        assert instance.event_log_storage.get_concurrency_info("warehouse").claimed_slots == []


def test_the_chart_keeps_runs_of_one_target_apart_as_dagster_s_configuration_does() -> None:
    chart, given = _yaml("kubernetes/values.yaml"), _yaml("dagster.yaml")["concurrency"]
    assert chart["concurrency"]["enabled"]
    pools = chart["concurrency"]["pools"]
    assert {"default_limit": pools["defaultLimit"], "granularity": pools["granularity"]} == given[
        "pools"
    ]
    coordinator = chart["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert coordinator["maxConcurrentRuns"] == given["runs"]["max_concurrent_runs"]


def test_the_workspace_names_one_code_server() -> None:
    [location] = _yaml("workspace.yaml")["load_from"]
    assert location["grpc_server"]["port"] == 4000


def test_compose_mounts_every_secret_that_it_names() -> None:
    compose = _yaml("compose.yaml")
    for name, service in compose["services"].items():
        mounted = set(service.get("secrets", []))
        environment = service.get("environment", {})
        named = {
            Path(str(value)).name for key, value in environment.items() if key.endswith("_FILE")
        }
        assert mounted <= set(compose["secrets"]), name
        if name != "pages":
            assert named <= mounted, name


def test_no_port_is_open_to_the_world() -> None:
    ports = [
        p for each in _yaml("compose.yaml")["services"].values() for p in each.get("ports", [])
    ]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_copies_what_exists_and_does_not_run_as_root() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (REPOSITORY / source).exists(), source
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001"]


def test_every_variable_of_a_deployment_is_a_setting() -> None:
    from connections.settings import Settings

    known = {name.upper() for name in Settings.model_fields}
    others = {"DAGSTER_HOME", "BILLING_CODE_HOST", "DO_NOT_TRACK"}
    named = set(SETTING.findall((DEPLOY / "environment.example").read_text()))
    assert {name for name in named - known - others if not name.startswith("DAGSTER_PG_")} == set()


def _with_secrets(**environment: str) -> subprocess.CompletedProcess[str]:
    echo = 'echo "$A_KEY|$B|${A_KEY_FILE:-gone}|${SSL_CERT_FILE:-}"'
    return subprocess.run(
        [str(DEPLOY / "with-secrets"), "sh", "-c", echo],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("pass word=$1'\n")
    (tmp_path / "secrets").write_text("# more\nB=x=y")  # no newline at its end
    certificates = {"SSL_CERT_FILE": "/etc/ssl/certs.pem"}  # no secret of ours
    done = _with_secrets(
        A_KEY_FILE=str(tmp_path / "a"), CREDENTIALS_DIRECTORY=str(tmp_path), **certificates
    )
    assert done.stdout == "pass word=$1'|x=y|gone|/etc/ssl/certs.pem\n", done.stderr


def test_a_secret_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    done = _with_secrets(A_KEY_FILE=str(tmp_path / "none"))
    assert done.returncode == 1
    assert "A_KEY: no file" in done.stderr
