"""No rule of identity is there for nothing: a unit test shows an account that it names."""

from __future__ import annotations

import re

import yaml
from figures import ROOT

CUSTOMERS = ROOT / "dbt_project" / "models" / "intermediate" / "customers"
MODEL = "int_customer_candidates"


def test_a_unit_test_expects_each_rule_of_identity_to_name_somebody() -> None:
    """One by VAT number read a column that was NULL in every source, and nobody noticed."""
    rules = set(re.findall(r"'(\w+)' as match_rule", (CUSTOMERS / f"{MODEL}.sql").read_text()))
    tests = yaml.safe_load((CUSTOMERS / "_customers__unit_tests.yml").read_text())["unit_tests"]
    expected = {
        row["match_rule"]
        for test in tests
        if test["model"] == MODEL
        for row in test["expect"]["rows"]
    }
    assert len(rules) > 5
    assert expected == rules
