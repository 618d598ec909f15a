"""A changed rule reaches what was kept from earlier nights; changed data and marts need not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from orchestration import rules

LEFT_OUT = "model.fusion_billing.int_usage_left_out"


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        ("nodes", LEFT_OUT, "raw_code"),
        ("nodes", "model.fusion_billing.int_usage_events", "raw_code"),
        ("nodes", "model.fusion_billing.stg_nexacloud__usage_records", "raw_code"),
        ("macros", "macro.fusion_billing.usage_key_hash", "macro_sql"),
        ("macros", "macro.fusion_billing.local_date", "macro_sql"),
    ],
)
def test_a_change_of_what_a_kept_row_rests_on_is_another_rule(
    manifest: dict[str, Any], kind: str, name: str, code: str
) -> None:
    changed = copy.deepcopy(manifest)
    changed[kind][name][code] += "\n-- another rule"
    assert rules.fingerprint(changed) != rules.fingerprint(manifest)


def test_another_policy_is_another_rule_and_another_price_is_not(manifest: dict[str, Any]) -> None:
    for seed, is_rule in (("services", True), ("metrics", True), ("charges", False)):
        changed = copy.deepcopy(manifest)
        changed["nodes"][f"seed.fusion_billing.{seed}"]["checksum"]["checksum"] = "other"
        same = rules.fingerprint(changed) == rules.fingerprint(manifest)
        assert same is not is_rule


@pytest.mark.parametrize("name", ["int_rated_lines", "fct_reconciliation", "rpt_line_story"])
def test_a_change_of_what_is_built_whole_each_night_is_none(
    manifest: dict[str, Any], name: str
) -> None:
    changed = copy.deepcopy(manifest)
    changed["nodes"][f"model.fusion_billing.{name}"]["raw_code"] += "\n-- another sentence"
    assert rules.fingerprint(changed) == rules.fingerprint(manifest)


def test_rules_are_known_only_when_every_kept_model_was_made(manifest: dict[str, Any]) -> None:
    kept = sorted(rules.kept_models(manifest))
    assert LEFT_OUT in kept
    results = [{"unique_id": name, "status": "success"} for name in kept]
    assert rules.made_all(manifest, {"results": results})
    assert not rules.made_all(manifest, {"results": results[1:]})
    failed = [{**results[0], "status": "error"}, *results[1:]]
    assert not rules.made_all(manifest, {"results": failed})
