"""Which keys a case may have: what is not understood is an error, never ignored.

In: a case. Out: nothing, or a CaseError that names the key. A key without a value says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Prose about a case, for people.
NOTES = {"id", "note", "notes", "description", "comment", "source", "title", "name"}
WHERE = {"timezone", "currency"}
FORM_KEYS = {
    "ChargeModelForm": {"model", "params", "usage_units", "phases", "expected_amount"},
    "PeriodForm": {"anchor", "interval", "period_rule", "period_start", "period_end"},
    "AggregationForm": {"aggregation", "events", "period_start", "period_end_inclusive"}
    | {"expected_quantity"},
    "ProrationForm": {"policy", "amount", "period_start", "period_end", "held_from", "held_to"}
    | {"billed_days", "period_days", "expected_amount"},
}
PARAMS = {"tiers", "free_units", "included_quantity", "minimum_amount", "maximum_amount"} | {
    *("package_size", "unit_price", "rate_percent", "rate", "percent", "percentage")
}
TIER = {"to", "unit_price", "flat_fee"}
PHASE = {"cumulative_units", "expected_amount"}
EVENT = {"ts", "value", "unique_key"}


class CaseError(ValueError):
    """A case that says something that the forms do not understand, or that is not so."""


def demand_known_keys(form: str, case: Mapping[str, Any]) -> None:
    """Raise a CaseError for a key with a value that nothing here reads."""
    _demand("the case", case, NOTES | WHERE | FORM_KEYS[form])
    params = case.get("params") or {}
    _demand("params", params, PARAMS)
    _demand_each("a tier", params.get("tiers"), TIER)
    _demand_each("a phase", case.get("phases"), PHASE)
    _demand_each("an event", case.get("events"), EVENT)


def _demand_each(what: str, parts: Iterable[Mapping[str, Any]] | None, known: set[str]) -> None:
    for part in parts or []:
        _demand(what, part, known)


def _demand(what: str, part: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(
        name for name, value in part.items() if value is not None and name not in known
    )
    if unknown:
        raise CaseError(
            f"{what} has {', '.join(unknown)}, which nobody reads: known are"
            f" {', '.join(sorted(known))}"
        )
