"""What a case says and nothing reads is refused: a number that is right by luck proves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from case_forms import FORMS, ChargeModelForm
from case_keys import FORM_KEYS, CaseError

CASE: dict[str, Any] = {"id": "c", "model": "standard", "usage_units": "1", "expected_amount": "1"}


@pytest.mark.parametrize(
    "said",
    [
        {"params": {"unit_price": "1", "rounding": "up"}},
        {"params": {"tiers": [{"to": None, "unit_price": "1", "step": "2"}]}},
        {"params": {"unit_price": "1"}, "phases": [{"cumulative_units": "1", "at": "noon"}]},
        {"params": {"unit_price": "1"}, "prorated": "0.5"},
    ],
    ids=["a parameter", "a tier", "a phase", "the case"],
)
def test_an_unknown_key_is_an_error(said: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match="which nobody reads"):
        ChargeModelForm({**CASE, **said})


def test_a_key_without_a_value_says_nothing() -> None:
    ChargeModelForm({**CASE, "params": {"unit_price": "1", "rounding": None}, "note": "for people"})


def test_every_form_says_what_it_reads() -> None:
    assert set(FORM_KEYS) == {form.__name__ for form in FORMS}
    assert all(form.marks <= FORM_KEYS[form.__name__] for form in FORMS)
