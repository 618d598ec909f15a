"""The unit tests of the models, which nightly builds leave out: they judge code, not data."""

from __future__ import annotations

import pytest
from rating_world import World


def test_every_unit_test_of_the_models_passes(world: World, pytestconfig: pytest.Config) -> None:
    """With `--models a,b` those of these models only."""
    every = world.dbt.manifest.unit_tests.values()
    named = (pytestconfig.option.models or "all").split(",")
    models = sorted({test.model for test in every if test.model in named or named == ["all"]})
    if not models:
        pytest.skip("no unit test is of these models")
    variables = {"as_of": world.as_of.isoformat()}
    # dbt reads the types of columns off the relations that a unit test stands in for.
    world.dbt.build([f"+{name}" for name in models], variables)
    ran = world.dbt.unit_test(models, variables)  # raises where one fails
    tested = [result for result in ran.results if result.node.resource_type == "unit_test"]
    assert len(tested) == sum(test.model in models for test in every)
