"""The dbt project as the orchestrator sees it.

Flows in: the SQL project at the repository's root and the settings. Flows out: a manifest that
is never older than the project's files, the environment dbt connects by, and what failed in
words.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connections.places import PROJECT
from connections.settings import Settings

PROJECT_FOLDER = PROJECT / "dbt_project"
EXECUTABLE = Path(sys.executable).parent / "billing-dbt"  # dbt_child.py
KEPT_INVOCATIONS = 20  # folders of past dbt invocations that stay for the curious

BESIDE = "__next"  # what the schemas of a build end with until it is swapped in
# Unit tests judge the code, not the data: they run in `make test`, not every night.
BUILD = ("build", "--exclude-resource-type", "unit_test")


class DbtError(RuntimeError):
    """dbt could not do its part; the message names the nodes."""


def target_folder(settings: Settings) -> Path:
    """Where dbt's artifacts live: in BILLING_HOME, apart for each prefix."""
    return settings.billing_home / "dbt" / f"{settings.billing_schema_prefix}target"


def prepare(settings: Settings) -> Path:
    """Parse the project when its manifest is missing or older than a file; return its path.

    Needs no warehouse. The same vars and profile as a build has, so that the build need not parse
    again what has not changed.
    """
    manifest = target_folder(settings) / "manifest.json"
    with _exclusive(settings.billing_home / "dbt" / "parse.lock"):
        if _is_stale(manifest):
            _parse(settings)
    return manifest


def manifest(settings: Settings) -> dict[str, Any]:
    """dbt's manifest as `prepare` left it; raises DbtError where nobody has prepared it."""
    file = target_folder(settings) / "manifest.json"
    try:
        parsed: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        raise DbtError(f"no {file}: run `billing prepare`, which parses the dbt project") from None
    return _with_laws(parsed)


def _with_laws(parsed: dict[str, Any]) -> dict[str, Any]:
    """Attach each law (a test over several models) to the last of them that dbt makes.

    dagster-dbt makes a check only of a test that says whose it is.
    """
    for node in parsed["nodes"].values():
        if node["resource_type"] == "test" and not node.get("attached_node"):
            of = [name for name in node["depends_on"]["nodes"] if name in parsed["nodes"]]
            if of:
                node["attached_node"] = max(of, key=lambda name: _rank(parsed["nodes"][name]))
    return parsed


def _rank(node: Mapping[str, Any]) -> int:
    layers = ("staging", "intermediate", "marts", "serving")
    schema = node["config"].get("schema")
    return layers.index(schema) if schema in layers else -1


def check_current(settings: Settings) -> None:
    """Raise DbtError when a project file is newer than the manifest that Dagster works by."""
    if _is_stale(target_folder(settings) / "manifest.json"):
        raise DbtError(
            "the dbt project has changed since Dagster read it: reload the code location in the UI"
            " (Deployment, Reload), or start the command again"
        )


def export_environment(settings: Settings, *, in_place: bool = False) -> None:
    """Give this process, and the dbt that it starts, the warehouse's address.

    `in_place` builds where it is read, without a swap: only for what nobody else reads.

    dagster-dbt hands its child this process's environment and nothing else, so it is written here
    (and read nowhere: profiles.yml does that).
    """
    address = settings.dbt_environment() if settings.warehouse_dsn else {}
    target = str(target_folder(settings))
    os.environ.update(
        address | {"DBT_TARGET_PATH": target, "DO_NOT_TRACK": "1"} | build_variables(in_place)
    )


def build_variables(in_place: bool = False) -> dict[str, str]:
    """The variables that macros/builds.sql reads: where a build is made, and by which version."""
    return {
        "BILLING_SCHEMA_SUFFIX": "" if in_place else BESIDE,
        "BILLING_CODE_VERSION": importlib.metadata.version("fusion-billing"),
    }


def variables(settings: Settings, **more: object) -> str:
    """The vars of a run as dbt's argument: time is one of them, so that a run can be repeated."""
    given = {"as_of": settings.as_of.isoformat(), "schema_prefix": settings.billing_schema_prefix}
    return json.dumps(given | more)


def failures_of(run_results: Mapping[str, Any]) -> list[str]:
    """One sentence for each node of run_results.json that failed, tests with their row counts."""
    return [
        f"{_kind(result['unique_id'])} {_name(result['unique_id'])}: {_first_line(result)}"
        for result in run_results["results"]
        if result["status"] in ("error", "fail", "runtime error")
    ]


def forget_old_invocations(settings: Settings, keep: int = KEPT_INVOCATIONS) -> None:
    """Remove all but the newest folders that dagster-dbt made, one an invocation."""
    dbts_own = ("compiled", "run")
    folders = sorted(
        (path for path in target_folder(settings).glob("*/") if path.name not in dbts_own),
        key=lambda path: path.stat().st_mtime,
    )
    for folder in folders[:-keep]:
        shutil.rmtree(folder, ignore_errors=True)


def _parse(settings: Settings) -> None:
    run(settings, "parse", "--no-version-check")


def _is_stale(manifest: Path) -> bool:
    if not manifest.exists():
        return True
    made = manifest.stat().st_mtime
    return any(path.stat().st_mtime > made for path in _project_paths())


def _project_paths() -> Iterator[Path]:
    """Files, and folders too: a deleted file leaves its trace in its folder's time."""
    yield PROJECT / "dbt_project.yml"
    yield PROJECT_FOLDER
    yield from PROJECT_FOLDER.rglob("*")


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _kind(unique_id: str) -> str:
    return unique_id.split(".")[0]


def _name(unique_id: str) -> str:
    return unique_id.split(".")[2]


def _first_line(result: Mapping[str, Any]) -> str:
    lines = [line.strip() for line in (result.get("message") or result["status"]).splitlines()]
    return " ".join(line for line in lines if line)[:300]


def run(
    settings: Settings, *arguments: str, in_place: bool = False, **more_variables: object
) -> None:
    """Run dbt to its end, outside of Dagster; raise DbtError with what failed."""
    export_environment(settings, in_place=in_place)
    results = target_folder(settings) / "run_results.json"
    results.unlink(missing_ok=True)
    done = subprocess.run(
        command(settings, *arguments, **more_variables),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        failed = failures_of(json.loads(results.read_text())) if results.exists() else []
        said = failed or [_tail(done.stdout), _tail(done.stderr)]
        raise DbtError("\n".join([f"dbt {arguments[0]} failed:", *said]))


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def command(settings: Settings, *arguments: str, **more_variables: object) -> Sequence[str]:
    """A dbt command line over this project and these settings."""
    return [
        str(EXECUTABLE), "--no-use-colors", *arguments,
        "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT_FOLDER),
        "--target-path", str(target_folder(settings)),
        "--log-path", str(settings.billing_home / "dbt" / "logs"),
        "--vars", variables(settings, **more_variables),
    ]  # fmt: skip
