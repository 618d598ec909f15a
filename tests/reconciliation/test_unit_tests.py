"""The unit tests of the models: a rule in one model, and what it does to money."""

from __future__ import annotations

from rating_world import World


def test_every_rule_passes_its_unit_tests(built_sample: World) -> None:
    given = {"as_of": built_sample.as_of.isoformat()}
    run = built_sample.dbt.build(("test_type:unit",), given, types=("unit_test",))
    assert len(run.results) > 100
