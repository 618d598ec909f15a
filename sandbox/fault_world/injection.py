"""Which months go wrong, and how: every cause alone, causes in pairs, and a control.

Flows in: the subscriptions. Flows out: for each month of each an invoice draft and the truth about
it. At most one month of a subscription goes wrong, so that no fault leans on another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations, product
from random import Random

from sandbox.fault_world.causes import (
    CAUSES,
    FACTS,
    HYPOTHESES,
    ROUNDING,
    VARIANTS,
    Draft,
)
from sandbox.fault_world.injected_faults import Chance, InjectedFault, inject
from sandbox.fault_world.invoices import gross, province_of
from sandbox.fault_world.rating import (
    CENT,
    ZERO,
    AppPlan,
    How,
    Key,
    Month,
    Subscription,
    rate,
    total,
)
from sandbox.fault_world.suspicion import is_only_explanation

# Two changes of the same usage quantity look like one: the item's own quantity explains both.
_BASE_CHANGING = ("plan_mismatch", "price_version", "proration")
_IMPOSSIBLE = {
    ("plan_mismatch", "price_version"),  # both name a plan's terms
    ("boundary", "proration"),  # a whole month, or a part of it
}
_LEAST_EFFECT = Decimal("0.10")
_ONE_CAUSE = 40  # subscriptions for each single case of a cause
_ONE_PAIR = 250
_ONE_CONTROL = 100

Cause = tuple[str, Decimal, str]  # cause, amount, variant


@dataclass(frozen=True)
class FaultVerdict:
    """The truth about a subscription's month."""

    draft: Draft
    kind: str  # clean, single, pair, unexplained
    expected: Decimal
    actual: Decimal
    causes: tuple[Cause, ...] = ()
    unexplained: Decimal = ZERO


def cause_pairs() -> list[tuple[str, str]]:
    """All pairs of causes that can be told apart on one month, in the causes' order."""
    pairs = list(product(FACTS, (*HYPOTHESES, ROUNDING)))
    pairs.append(("void_or_credit", "one_off"))
    for first, second in combinations(HYPOTHESES, 2):
        if first in _BASE_CHANGING or second in _BASE_CHANGING:
            pairs.append((first, second))
    pairs += [(cause, ROUNDING) for cause in HYPOTHESES]
    return [pair for pair in pairs if pair not in _IMPOSSIBLE]


def wanted(subscriptions: int) -> list[tuple[str, ...]]:
    """The causes to commit, scarce chances first; () is the control."""
    singles = [(cause,) for cause in CAUSES] * max(subscriptions // _ONE_CAUSE, 1)
    pairs = cause_pairs() * max(subscriptions // _ONE_PAIR, 1)
    controls: list[tuple[str, ...]] = [()] * max(subscriptions // _ONE_CONTROL, 1)
    scarce = ("price_version", "boundary", "proration", "plan_mismatch", "quota")

    def rank(causes: tuple[str, ...]) -> int:
        return min((scarce.index(cause) for cause in causes if cause in scarce), default=99)

    return sorted([*singles, *pairs, *controls], key=rank)


def make_verdicts(
    subscriptions: Sequence[Subscription],
    plans: Sequence[AppPlan],
    months: Sequence[Month],
    random: Random,
) -> list[FaultVerdict]:
    """Draft every month's invoice, some of them wrong on purpose."""
    keys = [[Key(one, month) for month in months if one.is_held(month)] for one in subscriptions]
    free = list(range(len(keys)))
    random.shuffle(free)
    faults: dict[int, FaultVerdict] = {}
    turns: Counter[tuple[str, ...]] = Counter()
    for causes in wanted(len(subscriptions)):
        for ways in _ways(causes, turns[causes]):
            found = _find(causes, ways, [(index, keys[index]) for index in free], plans, random)
            if found is not None:
                index, faults[index] = found
                free.remove(index)
                turns[causes] += 1
                break
    return [
        verdict
        for index, own in enumerate(keys)
        for key in own
        for verdict in _settle(key, faults.get(index), random)
    ]


def _ways(causes: tuple[str, ...], turn: int) -> list[tuple[str, ...]]:
    """All combinations of the causes' variants, another one first at each turn."""
    ways = list(product(*(VARIANTS[cause] for cause in causes)))
    return ways[turn % len(ways) :] + ways[: turn % len(ways)]


def _find(
    causes: tuple[str, ...],
    ways: tuple[str, ...],
    candidates: Sequence[tuple[int, Sequence[Key]]],
    plans: Sequence[AppPlan],
    random: Random,
) -> tuple[int, FaultVerdict] | None:
    """Commit the causes on the first subscription that gives the chance, in a random month."""
    for index, keys in candidates:
        order = list(keys)
        random.shuffle(order)
        for key in order:
            verdict = _commit_all(causes, ways, key, plans, random)
            if verdict is not None:
                return index, verdict
    return None


def _settle(key: Key, fault: FaultVerdict | None, random: Random) -> Iterator[FaultVerdict]:
    if fault is not None and fault.draft.key is key:
        yield fault
    else:
        yield from _clean(key, random)


def _commit_all(
    causes: tuple[str, ...],
    ways: tuple[str, ...],
    key: Key,
    plans: Sequence[AppPlan],
    random: Random,
) -> FaultVerdict | None:
    faults: list[tuple[str, InjectedFault]] = []
    verdict = None
    for cause, variant in zip(causes, ways, strict=True):
        if cause in HYPOTHESES:
            how = faults[-1][1].how if faults else How()
            fault = inject(variant, Chance(key, how, plans, random))
            if fault is None:
                break
            faults.append((cause, fault))
    else:
        verdict = _judge(dict(zip(causes, ways, strict=True)), key, faults, plans, random)
    if verdict is None:
        for _, fault in faults:
            fault.undo()
    return verdict


def _judge(
    causes: dict[str, str],
    key: Key,
    faults: list[tuple[str, InjectedFault]],
    plans: Sequence[AppPlan],
    random: Random,
) -> FaultVerdict | None:
    """Draft the invoice that the faults make, and keep it if its truth is beyond doubt."""
    how = faults[-1][1].how if faults else How()
    app = replace(how, cut=True) if ROUNDING in causes else how
    draft = Draft(key, rate(key, app), how.window or key.subscription.held(key.month))
    bridge = list(_bridge(key, faults))
    if not draft.lines or any(abs(amount) < _LEAST_EFFECT for _, amount, _ in bridge):
        return None
    if not is_only_explanation(draft, plans, tuple(cause for cause, _ in faults), how):
        return None
    if ROUNDING in causes:
        cut_off = total(rate(key, how)) - total(draft.lines)
        if cut_off == 0:
            return None
        bridge.append((ROUNDING, cut_off, "cut"))
    expected = total(rate(key, How()))
    if not causes:
        return _control(draft, expected, random)
    if causes.get("void_or_credit") == "void" and "one_off" in causes:
        return None  # a void invoice has nothing to peel an extra from
    facts = [_peel(*fact, draft, random) for fact in causes.items() if fact[0] in FACTS]
    explained = sum((amount for _, amount, _ in [*facts, *bridge]), ZERO)
    if ROUNDING not in causes and abs(explained) < _LEAST_EFFECT:
        return None  # two causes that make up for each other show no difference
    kind = "single" if len(causes) == 1 else "pair"
    return FaultVerdict(draft, kind, expected, expected - explained, (*facts, *bridge))


def _bridge(key: Key, faults: list[tuple[str, InjectedFault]]) -> Iterator[Cause]:
    """Give each hypothesis the difference that it makes on top of those before it."""
    before = total(rate(key, How()))
    for cause, fault in faults:
        after = total(rate(key, fault.how))
        yield cause, before - after, fault.variant
        before = after


def _peel(cause: str, variant: str, draft: Draft, random: Random) -> Cause:
    """Do to the draft what an invoice's own facts prove; return the cause with its amount."""
    net = total(draft.lines)
    if variant == "void":
        draft.status = "void"
        return cause, net, variant
    if variant == "credit":
        draft.credit = max((net * Decimal(random.randrange(10, 60)) / 100).quantize(CENT), CENT)
        return cause, draft.credit, variant
    if cause == "duplicate_invoice":
        draft.copies = 2
        return cause, -net, variant
    if cause == "one_off":
        draft.one_off = Decimal(random.randrange(500, 9000)).scaleb(-2)
        return cause, -draft.one_off, variant
    draft.is_gross = True
    province = province_of(draft.key.subscription.user)
    with_taxes = sum((gross(line.amount, province) for line in draft.lines), ZERO)
    return cause, net - with_taxes, variant


def _control(draft: Draft, expected: Decimal, random: Random) -> FaultVerdict:
    """Make one amount simply wrong, quantity and unit price staying right."""
    line = draft.lines[0]
    wrong = Decimal(random.randrange(311, 1999)).scaleb(-2)
    draft.lines[0] = replace(line, amount=line.amount + wrong)
    return FaultVerdict(draft, "unexplained", expected, expected + wrong, unexplained=-wrong)


def _clean(key: Key, random: Random) -> Iterator[FaultVerdict]:
    """Draft what the app gets right, sometimes with what must not count beside it."""
    lines = rate(key, How())
    if not lines:
        return
    draft = Draft(key, lines, key.subscription.held(key.month))
    chance = random.random()
    if chance < 0.01:
        draft.companions.append("void")
    elif chance < 0.02:
        draft.companions.append("draft")
    elif chance < 0.04:
        draft.status = "uncollectible"
    elif chance < 0.10:
        draft.status = "open"
    yield FaultVerdict(draft, "clean", total(lines), total(lines))
