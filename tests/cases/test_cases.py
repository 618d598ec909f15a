"""Every case comes out of the real models with the number that it expects."""

from __future__ import annotations

from typing import Any

from case_worlds import Outcome


def test_the_models_say_what_the_case_expects(
    case: dict[str, Any], outcomes: dict[str, Outcome]
) -> None:
    outcome = outcomes[case["id"]]
    assert outcome.found == outcome.expected, outcome.explain(case)
