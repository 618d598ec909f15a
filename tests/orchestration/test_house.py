"""The house's rules, read off the code itself: who imports whom, and who reads which layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("connections", "loaders", "publishers", "orchestration", "sandbox", "dashboards")
MAY_IMPORT: dict[str, set[str]] = {
    "connections": set(),
    "loaders": {"connections"},
    "publishers": {"connections"},
    "sandbox": {"connections"},
    "orchestration": {"connections", "loaders", "publishers", "sandbox"},
    "dashboards": {"connections", "loaders", "publishers"},
}
NO_ORCHESTRATOR = ("connections", "loaders", "publishers", "sandbox")
LAYERS_ABOVE_STAGING = ("intermediate", "marts")
FLOATS = ("double precision", "real", "float", "float4", "float8")


def _modules(room: str) -> Iterator[Path]:
    yield from (REPOSITORY / room).rglob("*.py")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    strangers = [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in _modules(room)
        for name in _imports(path)
        if name.split(".")[0] in ROOMS and name.split(".")[0] not in allowed
    ]
    assert strangers == []


@pytest.mark.parametrize("room", NO_ORCHESTRATOR)
def test_rooms_that_do_the_work_know_neither_dagster_nor_dbt(room: str) -> None:
    found = [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in _modules(room)
        for name in _imports(path)
        if name.split(".")[0] in ("dagster", "dagster_dbt", "dbt")
    ]
    assert found == []


def test_nobody_but_tests_imports_the_definitions() -> None:
    found = [
        str(path.relative_to(REPOSITORY))
        for room in ROOMS
        for path in _modules(room)
        if "orchestration.definitions" in set(_imports(path))
    ]
    assert found == []


def test_the_table_of_contents_stays_one() -> None:
    text = (REPOSITORY / "orchestration" / "definitions.py").read_text()
    assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "connections"])
def test_only_connections_reads_the_environment(room: str) -> None:
    readers = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in _modules(room)
        for node in ast.walk(ast.parse(path.read_text()))
        if _reads_environment(node)
    ]
    assert readers == []


def _reads_environment(node: ast.AST) -> bool:
    """A named value read; handing the whole environment to a child process is no reading."""
    if isinstance(node, ast.Attribute) and node.attr == "getenv":
        return True
    if isinstance(node, ast.Attribute) and node.attr == "get":
        return _is_environ(node.value)
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and _is_environ(node.value)
    )


def _is_environ(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_outgrows_a_sitting(room: str) -> None:
    long = {
        str(path.relative_to(REPOSITORY)): lines
        for path in _modules(room)
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


# ------------------------------------------------------------------------------ dbt's manifest


def _nodes(manifest: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] in kinds]


def _schema(manifest: dict[str, Any], unique_id: str) -> str:
    return str(manifest["nodes"][unique_id]["config"].get("schema"))


def test_only_staging_reads_sources(manifest: dict[str, Any]) -> None:
    found = [
        node["name"]
        for node in _nodes(manifest, "model")
        if node["config"].get("schema") != "staging"
        and any(name.startswith("source.") for name in node["depends_on"]["nodes"])
    ]
    assert found == []


def test_marts_read_what_is_computed_and_decisions(manifest: dict[str, Any]) -> None:
    """Intermediate, marts, seeds; of staging the views of `ops` only: a fresh decision counts."""
    found = [
        f"{node['name']} reads {parent}"
        for node in _nodes(manifest, "model")
        if node["config"].get("schema") == "marts"
        for parent in node["depends_on"]["nodes"]
        if not parent.startswith("seed.")
        and _schema(manifest, parent) not in LAYERS_ABOVE_STAGING
        and not parent.split(".")[2].startswith("stg_ops__")
    ]
    assert found == []


def test_nothing_reads_the_marts_but_marts_and_decisions(manifest: dict[str, Any]) -> None:
    """Staging reads no model at all: it renames one source table."""
    found = [
        f"{node['name']} reads {parent}"
        for node in _nodes(manifest, "model")
        if node["config"].get("schema") == "staging"
        for parent in node["depends_on"]["nodes"]
        if parent.startswith("model.")
    ]
    assert found == []


def test_a_staging_model_is_named_after_its_one_table(manifest: dict[str, Any]) -> None:
    """raw_x.y is stg_x__y, snapshots.x_y is stg_snapshots__x_y; deleted rows may stand apart."""
    odd = []
    for node in _nodes(manifest, "model"):
        if node["config"].get("schema") != "staging":
            continue
        (parent,) = {name for name in node["depends_on"]["nodes"] if name.startswith("source.")}
        _, _, schema, table = parent.split(".")
        expected = f"stg_{schema.removeprefix('raw_')}__{table}"
        if node["name"].removesuffix("_deleted") != expected:
            odd.append(f"{node['name']} reads {schema}.{table}")
    assert odd == []


def test_every_model_says_its_grain(manifest: dict[str, Any]) -> None:
    silent = [
        node["name"]
        for node in _nodes(manifest, "model")
        if not node["description"].startswith("Grain")
    ]
    assert silent == []


def test_every_mart_keeps_a_contract(manifest: dict[str, Any]) -> None:
    loose = [
        node["name"]
        for node in _nodes(manifest, "model")
        if node["config"].get("schema") == "marts" and not node["contract"]["enforced"]
    ]
    assert loose == []


def test_no_contract_names_a_float(manifest: dict[str, Any]) -> None:
    floats = [
        f"{node['name']}.{column['name']}: {column['data_type']}"
        for node in _nodes(manifest, "model", "seed")
        for column in node["columns"].values()
        if (column.get("data_type") or "").lower() in FLOATS
    ]
    assert floats == []


def test_every_model_is_tested(manifest: dict[str, Any]) -> None:
    """Staging repeats its source; everything above it must have at least one test of its own."""
    tested = {
        parent
        for test in [*_nodes(manifest, "test"), *manifest["unit_tests"].values()]
        for parent in test["depends_on"]["nodes"]
    }
    bare = [
        node["name"]
        for node in _nodes(manifest, "model")
        if node["config"].get("schema") in LAYERS_ABOVE_STAGING and node["unique_id"] not in tested
    ]
    assert bare == []
