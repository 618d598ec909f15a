"""dbt has no time of its own: it is told, or it refuses before its first node."""

from __future__ import annotations

import pytest
from dbt_runs import DbtFailed
from rating_world import World

TIME_OF = "+int_currencies"


def test_dbt_by_hand_refuses_without_the_time_that_it_looks_from(world: World) -> None:
    """An empty variable is none: neither the sample's day nor the clock's stands in for it."""
    world.execute("drop table intermediate.int_currencies cascade")
    with pytest.raises(DbtFailed, match="as_of is not set"):
        world.dbt.build([TIME_OF], {"as_of": ""})
    assert world.query("select to_regclass('intermediate.int_currencies') as built") == [
        {"built": None}
    ]


def test_the_environment_says_the_time_where_no_variable_does(world: World) -> None:
    world.dbt.build([TIME_OF], {})
