"""What an invoice's stored facts would let one suspect, and whether only the truth explains it.

Flows in: a draft. Flows out: the hypotheses that a reader of the stored rows could form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from sandbox.fault_world.causes import HYPOTHESES, Draft
from sandbox.fault_world.rating import UNIT, AppPlan, How, rate, total


def suspects(draft: Draft, plans: Sequence[AppPlan]) -> list[tuple[str, How]]:
    """List each single hypothesis that the invoice's stored facts allow, in the causes' order."""
    key, found = draft.key, list[tuple[str, How]]()
    start, end = key.subscription.held(key.month)
    is_single = len(key.segments) == 1
    codes = {line.terms.code for line in draft.lines if line.kind != "usage"}
    held = {segment.terms.code for segment in key.segments}
    if len(codes) == 1 and codes != held:
        named = next(plan for plan in plans if plan.code in codes)
        found.append(("plan_mismatch", How(terms=named.at(start))))
    if is_single:
        others = key.plan.others(key.segments[0].terms)
        found.extend(("price_version", How(terms=terms)) for terms in others)
    if key.is_whole and draft.period != (start, end):
        found.append(("boundary", How(window=draft.period)))
    if not (key.is_whole and is_single):
        found += [("proration", How(policy="second")), ("proration", How(policy="none"))]
        found.append(("quota", How(quota="unprorated")))
    found.append(("quota", How(quota="zero")))
    charged = [line for line in draft.lines if line.kind == "usage"]
    if not charged:
        found.append(("missing_usage", How(metered="none")))
    if any(use.written_at > draft.issued_at for use in key.subscription.used(start, end)):
        found.append(("missing_usage", How(metered="in time", issued_at=draft.issued_at)))
    if len(charged) == 1 and is_single:
        found.append(("quantity", How(billable=charged[0].quantity.quantize(UNIT))))
    return sorted(found, key=lambda suspect: HYPOTHESES.index(suspect[0]))


def is_only_explanation(
    draft: Draft, plans: Sequence[AppPlan], truth: tuple[str, ...], how: How
) -> bool:
    """Say whether the truth is the first of the smallest sets of hypotheses that reach the draft.

    A set that the order puts behind in each of its members may reach as well: the item's own
    quantity, for one, says the same as whatever changed it.
    """
    target, margin = total(draft.lines), Decimal(len(draft.lines) + 1).scaleb(-2)

    def reaches(other: How) -> bool:
        return abs(total(rate(draft.key, other)) - target) <= margin

    if reaches(How()):
        return not truth
    singles = suspects(draft, plans)
    if len(truth) == 1:
        return _is_first(truth, how, [((c,), h) for c, h in singles if reaches(h)])
    if any(reaches(other) for _, other in singles):
        return False
    pairs = [
        ((first, second), both)
        for index, (first, one) in enumerate(singles)
        for second, other in singles[index + 1 :]
        if first != second and (both := _merge(one, other)) is not None and reaches(both)
    ]
    return _is_first(truth, how, pairs)


def _is_first(
    truth: tuple[str, ...], how: How, found: Sequence[tuple[tuple[str, ...], How]]
) -> bool:
    ranks = tuple(HYPOTHESES.index(cause) for cause in truth)
    is_found = False
    for causes, other in found:
        if causes == truth:
            is_found = is_found or other == how
            if other != how:
                return False
        elif any(HYPOTHESES.index(c) < rank for c, rank in zip(causes, ranks, strict=True)):
            return False
    return is_found


def _merge(one: How, other: How) -> How | None:
    """Do both at once; None where they speak of the same thing."""
    ours = {name: value for name, value in vars(one).items() if value != getattr(How(), name)}
    theirs = {name: value for name, value in vars(other).items() if value != getattr(How(), name)}
    if ours.keys() & theirs.keys():
        return None
    return replace(one, **theirs)
