"""Turns cases into sources and a price book, has them rated, and reads the answer.

In: cases of the four forms (charge model, period, proration, aggregation). Out: one Outcome a case.
A case is one subscription of NexaCloud. All cases that share a time zone, a period rule and a
proration policy are rated together, in one build a phase.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from case_forms import FORMS, Form, Group
from case_keys import CaseError
from rating_world import LINES, Dbt, World, fresh_world

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

Case = Mapping[str, Any]


@dataclass
class Outcome:
    """What a case expects and what the models made of it, in comparable form."""

    expected: Any
    found: Any = None
    seen: list[dict[str, Any]] = field(default_factory=list)

    def explain(self, case: Case) -> str:
        seen = "\n".join(f"  {row}" for row in self.seen) or "  nothing"
        return f"{json.dumps(case)}\nthe models made:\n{seen}"


def form_of(case: Case) -> type[Form]:
    for form in FORMS:
        if form.fits(case):
            return form
    raise CaseError(f"it is of no known form: {sorted(case)}")


def run_cases(cluster: Cluster, dbt: Dbt, cases: Iterable[Case]) -> dict[str, Outcome]:
    """Rate all cases, a world a group. Returns outcomes by case id."""
    groups: dict[Group, list[Form]] = defaultdict(list)
    outcomes: dict[str, Outcome] = {}
    for case in cases:
        try:
            form = form_of(case)(case)
        except CaseError as error:
            outcomes[str(case["id"])] = Outcome("a case that is understood", str(error))
        else:
            groups[form.group()].append(form)
    for group, forms in groups.items():
        outcomes |= _run_group(fresh_world(cluster, dbt), group, forms)
    return outcomes


def _run_group(world: World, group: Group, forms: list[Form]) -> dict[str, Outcome]:
    _set_policies(world, group)
    world.as_of = max(form.horizon() for form in forms) + timedelta(days=1)
    world.load("raw_nexacloud.users", [{"id": "u1", "email": "u1@example.com"}])
    for table in ("plans", "subscriptions"):
        world.load(f"raw_nexacloud.{table}", [row for form in forms for row in form.rows(table)])
    world.seed("metrics", _metrics(forms))
    world.seed("charges", [row for form in forms for row in form.seed_rows("charges")])
    world.seed("charge_tiers", [row for form in forms for row in form.seed_rows("charge_tiers")])
    steps: dict[str, list[list[dict[str, Any]]]] = defaultdict(list)
    for phase in range(max(form.phase_count for form in forms)):
        _load_usage(world, forms, phase)
        world.rate(LINES)
        _take_step(world, forms, phase, steps)
    return {form.id: _outcome(world, form, steps[form.id]) for form in forms}


def _set_policies(world: World, group: Group) -> None:
    world.execute(
        "update staging.services set timezone = %s, period_rule = %s, proration = %s"
        " where service = 'nexacloud'",
        group.timezone,
        group.period_rule,
        group.proration,
    )


def _metrics(forms: Iterable[Form]) -> list[dict[str, Any]]:
    pairs = {(metric, how) for form in forms for metric, how in form.metrics()}
    return [
        {"service": "nexacloud", "metric": metric, "aggregation": how, "unit_name": "units"}
        for metric, how in sorted(pairs)
    ]


def _load_usage(world: World, forms: Iterable[Form], phase: int) -> None:
    rows = [row for form in forms for row in form.usage(phase)]
    first = world.query("select coalesce(max(id), 0) as id from raw_nexacloud.usage_records")
    numbered = [{"id": first[0]["id"] + n, **row} for n, row in enumerate(rows, start=1)]
    world.load("raw_nexacloud.usage_records", numbered)
    for form in forms:
        if form.restarts(phase):
            world.execute(
                "update raw_nexacloud.usage_records set _deleted_at = %s, _loaded_at = %s"
                " where subscription_id = %s and _loaded_at < %s",
                world.loaded_at,
                world.loaded_at,
                form.id,
                world.loaded_at,
            )


def _take_step(
    world: World,
    forms: Iterable[Form],
    phase: int,
    steps: dict[str, list[list[dict[str, Any]]]],
) -> None:
    """Read the lines that are new in this phase, and bill them where another phase follows."""
    new = world.lines(
        "line_key not in (select line_key from ops.publication_lines where released_at is null)"
    )
    by_id: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in new:
        by_id[line["external_subscription_id"]].append(line)
    going_on = [form for form in forms if phase < form.phase_count]
    for form in going_on:
        steps[form.id].append(by_id[form.id])
    world.publish(
        [line for form in going_on if form.phase_count > 1 for line in by_id[form.id]],
        f"phase-{phase}",
    )


def _outcome(world: World, form: Form, steps: list[list[dict[str, Any]]]) -> Outcome:
    seen = [line for step in steps for line in step]
    outcome = Outcome(form.expected(), seen=seen)
    try:
        outcome.found = form.found(world, steps)
    except CaseError as error:
        outcome.found = str(error)
    if not seen:
        outcome.seen = form.evidence(world)
    return outcome
