"""The orchestrator's fixtures: a parsed manifest, and `billing` as a person runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rating" / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "dashboards" / "support"))
sys.path.insert(0, str(Path(__file__).parent / "support"))
from dbt_runs import kept

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """What a verb said and how it ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as JSON: it must be JSON and nothing else."""
        return json.loads(self.stdout)


Billing = Callable[..., Answer]


def run_billing(home: Path, *arguments: str, **environment: str) -> Answer:
    """Run one verb in a process of its own, on a home of its own, with nothing else configured."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "orchestration", *arguments],
        cwd=REPOSITORY,
        env={
            **kept,
            "BILLING_HOME": str(home),
            "COLUMNS": "220",
            "DO_NOT_TRACK": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def billing_at() -> Callable[..., Answer]:
    """`billing_at(home, "verb", ..., NAME="value")`."""
    return run_billing


@pytest.fixture
def billing(tmp_path: Path) -> Billing:
    """`billing("verb", "--option", NAME="value")` on an empty home."""

    def run(*arguments: str, **environment: str) -> Answer:
        return run_billing(tmp_path / "home", *arguments, **environment)

    return run


@pytest.fixture(scope="session")
def parsed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a parsed dbt project in it; the parse is kept until a file of it changes."""
    from connections.settings import load_settings
    from orchestration import dbt

    home = tmp_path_factory.mktemp("parsed")
    settings = load_settings(billing_home=home)
    with kept("orchestration") as place:
        if not place.exists():
            draft = place.with_suffix(".new")
            shutil.copyfile(dbt.prepare(settings), draft)
            draft.rename(place)
        dbt.target_folder(settings).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place, dbt.target_folder(settings) / "manifest.json")
    return home


@pytest.fixture(scope="session")
def manifest(parsed_home: Path) -> dict[str, Any]:
    """dbt's manifest of the project as it is now."""
    parsed: dict[str, Any] = json.loads((parsed_home / "dbt/target/manifest.json").read_text())
    return parsed
