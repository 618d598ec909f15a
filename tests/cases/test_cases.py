"""Every case comes out of the real models with the number that it expects."""

from __future__ import annotations

from typing import Any

import pytest
from case_worlds import Outcome

# All builds of all cases are made for the first one: hundreds, on a busy machine, take their time.
pytestmark = pytest.mark.timeout(7200)


def test_the_models_say_what_the_case_expects(
    case: dict[str, Any], outcomes: dict[str, Outcome]
) -> None:
    outcome = outcomes[case["id"]]
    assert outcome.found == outcome.expected, outcome.explain(case)
