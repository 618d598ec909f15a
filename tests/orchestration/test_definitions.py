"""The definitions: they load from a clean clone, and an asset's key is where its table is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from loaders.relations import HISTORY_SCHEMA
from loaders.tables import ALL

REPOSITORY = Path(__file__).resolve().parents[2]
OURS = {
    dg.AssetKey(["odoo", "draft_invoices"]),
    dg.AssetKey(["odoo", "shadow_import"]),
    dg.AssetKey(["nexacloud", "lifecycle_webhooks"]),
    dg.AssetKey(["months", "rated"]),
    dg.AssetKey(["months", "reconciled"]),
    dg.AssetKey(["months", "published"]),
    dg.AssetKey(["months", "sheet"]),
}


@pytest.fixture(scope="module")
def definitions(parsed_home: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BILLING_HOME", str(parsed_home))
        from orchestration.definitions import defs

        return defs


def test_dagster_validates_them_where_nothing_is_configured(parsed_home: Path) -> None:
    """As after `billing prepare` in a clean clone: no world, no DAGSTER_HOME."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "dagster",
            "definitions",
            "validate",
            "-m",
            "orchestration.definitions",
        ],
        cwd=REPOSITORY,
        env={**kept, "BILLING_HOME": str(parsed_home), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All code locations passed validation" in done.stdout + done.stderr


def test_a_key_is_the_schema_and_the_table(definitions: Any, manifest: dict[str, Any]) -> None:
    keys = set(definitions.resolve_asset_graph().get_all_asset_keys())
    nodes = [
        node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")
    ]
    expected = {dg.AssetKey([node["config"]["schema"], node["name"]]) for node in nodes}
    expected |= {dg.AssetKey([table.schema, table.name]) for table in ALL}
    expected |= {
        dg.AssetKey([HISTORY_SCHEMA, table.history_name]) for table in ALL if table.has_history
    }
    assert expected <= keys
    assert {key for key in keys - expected if key.path[0] not in ("ops", "pages")} == OURS


def test_what_dbt_reads_is_loaded_or_decided(definitions: Any, manifest: dict[str, Any]) -> None:
    """No source of dbt hangs in the air: it is a copy, or a table of ops with a description."""
    graph = definitions.resolve_asset_graph()
    for source in manifest["sources"].values():
        node = graph.get(dg.AssetKey([source["source_name"], source["name"]]))
        assert node.description, source["name"]


def test_every_asset_says_why_it_is_there(definitions: Any) -> None:
    graph = definitions.resolve_asset_graph()
    silent = [
        key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).description
    ]
    assert silent == []


def test_the_drafts_depend_on_the_publish_list_alone(definitions: Any) -> None:
    drafts = definitions.resolve_asset_graph().get(dg.AssetKey(["odoo", "draft_invoices"]))
    assert drafts.parent_keys == {dg.AssetKey(["serving", "invoice_lines_to_publish"])}


def test_dbt_s_tests_are_checks(definitions: Any) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    on_lines = {
        check.name
        for check in checks
        if check.asset_key == dg.AssetKey(["marts", "fct_invoice_lines"])
    }
    assert any(name.startswith("unique_fct_invoice_lines_line_key") for name in on_lines)


def test_every_copy_is_compared_with_its_source_and_checked_for_freshness(definitions: Any) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    for table in ALL:
        key = dg.AssetKey([table.schema, table.name])
        assert {check.name for check in checks if check.asset_key == key} >= {
            "copy_equals_source",
            "loaded_lately",
        }


def test_nothing_starts_by_itself(definitions: Any) -> None:
    repository = definitions.get_repository_def()
    states = [each.default_status.value for each in repository.schedule_defs]
    states += [each.default_status.value for each in repository.sensor_defs]
    assert states
    assert set(states) == {"STOPPED"}


def test_what_is_named_starts_and_nothing_else(parsed_home: Path) -> None:
    program = (
        "from orchestration.definitions import defs\n"
        "r = defs.get_repository_def()\n"
        "for each in [*r.schedule_defs, *r.sensor_defs]:\n"
        "    print(each.name, each.default_status.value)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "BILLING_HOME": str(parsed_home),
            "BILLING_AUTOMATION": "every_night",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    states = dict(line.split() for line in done.stdout.splitlines())
    assert states.pop("every_night") == "RUNNING"
    assert set(states.values()) == {"STOPPED"}


def test_a_publish_run_is_dry_unless_it_is_told(definitions: Any) -> None:
    from orchestration.assets.drafts import PublishConfig
    from orchestration.assets.webhooks import WebhooksConfig

    assert PublishConfig().go is False
    assert WebhooksConfig().go is False
