"""What an operator sees of an asset before it ever ran: domain, owner, links, checks in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest


@pytest.fixture(scope="module")
def graph(parsed_home: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BILLING_HOME", str(parsed_home))
        from orchestration.definitions import defs

        return defs.resolve_asset_graph()


def _node(graph: Any, *key: str) -> Any:
    return graph.get(dg.AssetKey(list(key)))


def test_every_asset_has_a_domain_an_owner_and_kinds(graph: Any) -> None:
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    assert [node.key for node in nodes if node.group_name == "default"] == []
    assert [node.key for node in nodes if not node.kinds] == []
    owners = {owner for node in nodes for owner in node.owners or ["nobody"]}
    assert owners <= {
        f"team:{role}"
        for role in ("finance", "data_engineering", "billing_operations", "controlling")
    }


def test_domains_are_those_of_dbt_and_small_enough_to_look_at(graph: Any) -> None:
    sizes: dict[str, int] = {}
    for key in graph.get_all_asset_keys():
        group = graph.get(key).group_name
        sizes[group] = sizes.get(group, 0) + 1
    assert {"rating", "reconciliation", "publishing", "lifecycle", "sources"} <= set(sizes)
    assert max(sizes.values()) <= 80, sizes


def test_every_check_says_in_words_what_it_asks(graph: Any) -> None:
    silent = [
        key.to_user_string() for key in graph.asset_check_keys if not graph.get(key).description
    ]
    assert silent == []


def test_a_law_over_several_models_is_a_check_with_its_reason(graph: Any) -> None:
    name = "assert_an_amount_is_its_exact_amount_rounded_once"
    [key] = [key for key in graph.asset_check_keys if key.name == name]
    assert "rounded on the way" in str(graph.get(key).description)


def test_a_mart_shows_its_columns_its_code_and_its_pages(graph: Any) -> None:
    node = _node(graph, "marts", "fct_reconciliation")
    schema = node.metadata["dagster/column_schema"]
    assert "unexplained_amount" in {column.name for column in schema.columns}
    assert node.metadata["dagster/table_name"] == "marts.fct_reconciliation"
    references = node.metadata["dagster/code_references"].code_references
    assert all(Path(each.file_path).is_file() for each in references)
    assert [each.label for each in references][1:] == ["docs/reconciliation.md"]
    assert "/reconciliation)" in node.metadata["pages"].value


def test_a_page_ends_the_lineage_that_begins_at_a_source(graph: Any) -> None:
    page = _node(graph, "pages", "reconciliation")
    assert dg.AssetKey(["marts", "fct_reconciliation"]) in page.parent_keys
    upstream = graph.get_ancestor_asset_keys(page.key)
    assert dg.AssetKey(["raw_nexacloud", "invoices"]) in upstream


def test_a_month_is_a_partition_and_a_load_is_not(graph: Any) -> None:
    for name in ("rated", "reconciled", "published"):
        partitions = _node(graph, "months", name).partitions_def
        assert partitions.get_partition_keys()[0] == "2025-01"
    assert _node(graph, "raw_nexacloud", "invoices").partitions_def is None


def test_loading_them_starts_nothing_and_reaches_nothing(parsed_home: Path) -> None:
    """No process, no connection; and not the modules that make loading slow."""
    import os
    import subprocess
    import sys

    program = (
        "import socket, subprocess, sys, dagster, dagster_dbt\n"  # what these do is theirs
        "def no(*_a, **_k): raise SystemExit('reached out')\n"
        "subprocess.Popen.__init__ = no\n"
        "socket.socket.connect = no\n"
        "import orchestration.definitions\n"
        "slow = {'networkx', 'alembic', 'openpyxl', 'dbt.graph'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"], "BILLING_HOME": str(parsed_home)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stdout + done.stderr


def test_without_a_manifest_the_message_says_what_to_run(tmp_path: Path) -> None:
    from connections.settings import load_settings
    from orchestration import dbt

    with pytest.raises(dbt.DbtError, match="billing prepare"):
        dbt.manifest(load_settings(billing_home=tmp_path))


@pytest.mark.parametrize(
    ("model", "said", "rows"),
    [
        ("marts.fct_invoice_lines", "INSERT 0 57", {"dagster/row_count": 57}),
        ("intermediate.int_rated_lines", "SELECT 12", {"dagster/row_count": 12}),
        ("seed", "INSERT 9", {"dagster/row_count": 9}),
        ("intermediate.int_usage_left_out", "INSERT 0 3", {"rows_written": 3}),
        ("staging.stg_odoo__res_partner", "CREATE VIEW", {}),
    ],
)
def test_a_table_has_as_many_rows_as_dbt_says_it_wrote(
    graph: Any, model: str, said: str, rows: dict[str, int]
) -> None:
    from orchestration.assets.models import rows_of

    name = model.rpartition(".")[2]
    unique_id = "seed.fusion_billing.services" if name == "seed" else f"model.fusion_billing.{name}"
    event = dg.AssetMaterialization("a", metadata={"unique_id": unique_id})
    assert rows_of(said, event) == rows
