"""The house's rules, read off the code itself. Who imports whom is import-linter's (pyproject)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connections.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("connections", "loaders", "publishers", "orchestration", "sandbox", "dashboards")
LAYERS_ABOVE_STAGING = ("intermediate", "marts", "serving")
# Folders of models that explain or complain, and decide no line.
EXPLAINING = {"reconciliation", "exceptions", "integrity", "money"}
FLOATS = ("double precision", "real", "float", "float4", "float8")


def _modules(room: str) -> Iterator[Path]:
    yield from (REPOSITORY / room).rglob("*.py")


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


SETTING = re.compile(
    r"\b(?:BILLING|DASHBOARD|ODOO|NEXACLOUD|WAREHOUSE|LOAD|SANDBOX|WEBHOOK)_[A-Z_]*[A-Z]\b"
)
# What others than our settings read: dbt, the sandbox's receiver, the tests against a real Odoo.
READ_BY_OTHERS = {
    *(f"WAREHOUSE_{part}" for part in ("HOST", "PORT", "USER", "PASSWORD", "DBNAME", "SSLMODE")),
    *("BILLING_SCHEMA_SUFFIX", "BILLING_CODE_VERSION", "ODOO_IS_DISPOSABLE"),
    "ODOO_API_KEYS",
    "BILLING_PROJECT",  # connections/places.py: it says where .env is
    *("NEXACLOUD_WEBHOOK_SECRET", "NEXACLOUD_WEBHOOK_URL"),
}


@pytest.mark.parametrize("room", [*ROOMS, "docs"])
def test_a_setting_that_a_person_is_told_of_exists(room: str) -> None:
    texts = [path.read_text() for path in (REPOSITORY / room).rglob("*.md")] + [
        node.value
        for path in _modules(room)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    named = {name for text in texts for name in SETTING.findall(text)}
    known = {name.upper() for name in Settings.model_fields}
    assert named - known - READ_BY_OTHERS == set()


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


def test_billing_never_waits_for_what_explains(manifest: dict[str, Any]) -> None:
    """Between a usage record and a proposed line stands no reconciliation and no exception."""
    nodes = manifest["nodes"]
    found: set[str] = set()
    waiting = ["model.fusion_billing.fct_invoice_lines"]
    while waiting:
        parents = set(nodes.get(waiting.pop(), {}).get("depends_on", {}).get("nodes", []))
        waiting += parents - found
        found |= parents
    models = [nodes[name] for name in found if name in nodes]
    assert any(node["name"] == "int_rated_lines" for node in models)
    assert [node["name"] for node in models if EXPLAINING & set(node["fqn"])] == []


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
        if node["config"].get("schema") in ("marts", "serving") and not node["contract"]["enforced"]
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


def test_sources_say_of_a_table_what_the_loaders_say(manifest: dict[str, Any]) -> None:
    from loaders.tables import ALL

    said = {
        (source["source_name"], source["name"]): source["description"]
        for source in manifest["sources"].values()
    }
    for table in ALL:
        assert said[f"raw_{table.source}", table.name] == table.description


def test_every_source_table_is_described_and_has_a_freshness(manifest: dict[str, Any]) -> None:
    """Decisions and the ledger cannot be too old."""
    for source in manifest["sources"].values():
        assert source["description"], source["unique_id"]
        has_freshness = bool(source["freshness"] and source["freshness"]["warn_after"]["count"])
        assert has_freshness == (source["source_name"] != "ops"), source["unique_id"]
