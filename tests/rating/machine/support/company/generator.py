"""Makes up a company: the same seed always tells the same story.

In: a seed and the kinds of events that may happen. Out: a story. What happens at the source happens
by day (9 to 20 o'clock), usage in the early morning: so no record lies in the hours of a day in
which it is a matter of taste who holds it.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from company.firm import Company
from company.happenings import HAPPENINGS
from company.story import Decision, Policy, Row, Story

BATCH = 50  # companies that share a warehouse, and so its policies
FIRST_DAY, DAYS = datetime(2026, 1, 2, tzinfo=UTC), 181
POLICIES = (
    (Policy(bill_suspended=False), Policy(date(2026, 5, 1), proration="second")),
    (Policy(period_rule="anniversary", proration="second", duplicate_policy="last"),),
    (
        Policy(timezone="America/Halifax", proration="second", bill_suspended=False),
        Policy(date(2026, 4, 1), timezone="America/Halifax", bill_suspended=False),
    ),
    (Policy(period_rule="anniversary", duplicate_policy="last", bill_suspended=False),),
    (
        Policy(timezone="America/St_Johns", proration="none"),
        Policy(date(2026, 3, 20), timezone="America/St_Johns", bill_suspended=False),
    ),
    (Policy(period_rule="anniversary", proration="none", bill_suspended=False),),
)
METRICS = ("requests", "seats", "storage")


def policies_of(seed: int) -> tuple[Policy, ...]:
    return POLICIES[seed // BATCH % len(POLICIES)]


def make_story(seed: int, nights: int, kinds: Collection[str] = tuple(HAPPENINGS)) -> Story:
    """One company under the policies of its seed's batch."""
    chance = random.Random(f"company {seed}")
    policies = policies_of(seed)
    company = Company(chance, ZoneInfo(policies[0].timezone))
    company.founded()
    weights = {kind: HAPPENINGS[kind].weight for kind in HAPPENINGS if kind in kinds}
    for at in _instants(chance, company.zone):
        company.now = at
        (kind,) = chance.choices(list(weights), list(weights.values()))
        HAPPENINGS[kind].happen(company)
    company.meters()
    charges, tiers = _price_book(chance, company)
    decisions = [_decision(chance) for _ in range(nights)]
    return Story(seed, policies, tuple(company.events), tuple(decisions), charges, tiers)


def _instants(chance: random.Random, zone: ZoneInfo) -> list[datetime]:
    """When something happens: some 40 instants, by day."""
    found = []
    for _ in range(chance.randint(25, 45)):
        day = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
        moment = day.replace(hour=chance.randint(9, 20), minute=chance.randint(0, 59))
        found.append(moment.replace(tzinfo=zone))
    return sorted(found)


def _decision(chance: random.Random) -> Decision:
    share = chance.choices((1.0, 0.6, 0.0), (6, 2, 2))[0]
    return Decision(share, releases=chance.random() < 0.08)


def _price_book(chance: random.Random, company: Company) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Charges that are not linear, for some of the codes that plans ever had."""
    charges: list[Row] = []
    tiers: list[Row] = []
    for code in sorted(company.codes):
        if chance.random() < 0.35:
            continue
        for metric in METRICS:
            row = {
                "service": "nexacloud",
                "plan_code": code,
                "charge": metric,
                "metric": metric,
                "currency": "CAD",
            }
            if metric == "requests":
                row |= {"charge_model": "graduated", "included_quantity": "10"}
                tiers += _tiers(chance, code, metric)
            elif metric == "seats":
                row |= {"charge_model": "per_unit", "unit_price": str(chance.randint(1, 50))}
                row |= {"minimum": str(chance.randint(0, 20)), "maximum": "150"}
            else:
                row |= {"charge_model": "package", "package_size": "7", "unit_price": "3.35"}
            charges.append(row)
    return tuple(charges), tuple(tiers)


def _tiers(chance: random.Random, code: str, metric: str) -> list[Row]:
    bounds = [str(chance.randint(5, 40)), str(chance.randint(41, 120)), None]
    return [
        {
            "service": "nexacloud",
            "plan_code": code,
            "charge": metric,
            "tier_to": bound,
            "unit_price": str(chance.randint(1, 900) / 1000),
            "flat_fee": str(chance.randint(0, 9)),
        }
        for bound in bounds
    ]
