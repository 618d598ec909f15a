"""The wheel works without a checkout: it lays out a project, and takes it from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a build must not see: what is made, and what is of no use to it.
LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", ".local", ".env", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info"),
    *("build", "docs", "logs", "site", "target", "tests"),
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel, built from a copy of the tree."""
    place = tmp_path_factory.mktemp("wheel")
    tree, site = place / "tree", place / "site"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    build = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(place)],
        cwd=tree, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [wheel] = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        for member in packed.infolist():
            Path(packed.extract(member, site)).chmod(member.external_attr >> 16)
    return site


def _billing(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A verb from the wheel, with the libraries of this environment and nothing of the checkout."""
    libraries = f"{installed}{os.pathsep}{sysconfig.get_paths()['purelib']}"
    return subprocess.run(
        [sys.executable, "-I", "-c", STARTER, libraries, *arguments],
        cwd=folder, capture_output=True, text=True, timeout=600, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "DO_NOT_TRACK": "1"},
    )  # fmt: skip


# `-I` and this path: an editable installation must not answer for the wheel.
STARTER = """
import os, sys
libraries = sys.argv.pop(1)
sys.path[:0] = libraries.split(os.pathsep)
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "")]
os.environ["PYTHONPATH"] = libraries
from orchestration.cli import app
app()
"""


def test_the_wheel_lays_out_a_project_and_takes_it_from_there(
    installed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    made = _billing(installed, tmp_path, "init", str(folder))
    assert made.returncode == 0, made.stderr
    assert (folder / ".env").is_file()
    assert os.access(folder / "deploy" / "with-secrets", os.X_OK)
    charges = folder / "dbt_project" / "seeds" / "charges.csv"
    charges.write_text(charges.read_text() + "\n")
    model = folder / "dbt_project" / "models" / "staging" / "nexacloud" / "stg_nexacloud__users.sql"
    shipped = model.read_text()
    model.write_text(shipped + "\n-- ours\n")
    parsed = _billing(installed, folder, "prepare")
    assert parsed.returncode == 0, parsed.stderr
    manifest = json.loads((folder / ".local/dbt/target/manifest.json").read_text())
    models = {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    assert len(models) == len(list((ROOT / "dbt_project" / "models").rglob("*.sql")))
    assert models[model.stem]["raw_code"].endswith("-- ours")
    again = _billing(installed, tmp_path, "init", str(folder))
    assert set(again.stdout.split()) == {"differs", str(charges), str(model)}
    upgraded = _billing(installed, tmp_path, "init", str(folder), "--upgrade")
    assert upgraded.stdout.split() == ["replaced", str(model), "differs", str(charges)]
    assert model.read_text() == shipped
    assert charges.read_text().endswith("\n\n")


def test_what_the_wheel_carries_is_no_test_no_secret_and_nothing_of_this_machine(
    installed: Path,
) -> None:
    names = {path.relative_to(installed).parts[0] for path in installed.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {
        "benchmarks", "connections", "dashboards", "loaders", "orchestration", "publishers",
        "sandbox",
    }  # fmt: skip
    assert list(installed.rglob("secrets.toml")) == list(installed.rglob(".env")) == []
    for name in ("dashboards/style.css", "orchestration/project/dbt_project.yml"):
        assert (installed / name).is_file()
