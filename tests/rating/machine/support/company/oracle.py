"""What a company's bills must come to, as the loads so far tell its history.

In: a story and, load after load, what stood at the source. Out: at any night, the amount of every
subscription, charge, currency and service period; whose it is; which usage is in no line; which
subscriptions a person has to look at.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from company.holding import KNOWN_STATUSES, pieces, spoken, spoken_at, stints
from company.metering import counted, quantity
from company.periods import Pace, pace_of
from company.pricing import Charge, charges_of
from company.segments import Calendar, Segment
from company.source import Tables
from company.story import Row, Story
from company.terms import segments
from company.versions import History

Key = tuple[str, str, str, datetime]  # subscription, charge, currency, start of the service period


@dataclass
class Expected:
    """The truth of one night."""

    amounts: dict[Key, Decimal] = field(default_factory=dict)
    ends: dict[Key, datetime] = field(default_factory=dict)  # of the service period
    held_from: dict[Key, datetime] = field(default_factory=dict)
    holders: dict[Key, set[str]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)  # usage records that are in no line
    troubled: dict[str, str] = field(default_factory=dict)  # subscription: why a person must look


class Oracle:
    """Sees every load, and says what is right."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self._histories: dict[str, dict[str, History]] = {
            table: defaultdict(History) for table in ("users", "plans", "subscriptions")
        }
        self._usage: dict[str, Row] = {}
        self._usage_seen: set[str] = set()
        self._priced: dict[int, list[Charge]] = {}  # by version of a plan

    def see(self, tables: Tables, at: datetime) -> None:
        for table, histories in self._histories.items():
            for key in {*histories, *tables[table]}:
                histories[key].see(tables[table].get(key), at)
        self._usage = tables["usage_records"]
        self._usage_seen |= set(self._usage)

    def expected(self, as_of: datetime) -> Expected:
        truth = Expected()
        records: dict[str, list[Row]] = defaultdict(list)
        for row in counted(self._usage.values(), self.story.policies[0].duplicate_policy):
            records[row["subscription_id"]].append(row)
        in_lines: set[str] = set()
        for name, history in self._histories["subscriptions"].items():
            in_lines |= self._rate(name, history, records[name], as_of, truth)
        truth.left_out = self._usage_seen - in_lines
        truth.amounts = {key: amount for key, amount in truth.amounts.items() if amount}
        return truth

    def _rate(
        self, name: str, history: History, records: list[Row], as_of: datetime, truth: Expected
    ) -> set[str]:
        """Adds one subscription's amounts; returns the usage records that are in them."""
        problem = self._trouble(history)
        if problem:
            truth.troubled[name] = problem
        calendars = [Calendar(pieces(history, one), one) for one in self.story.policies]
        if not any(calendar.held for calendar in calendars):
            return set()
        rated = list(segments(calendars, self._paces(history), stints(history)[0].start, as_of))
        placed, in_lines = self._place(rated, records)
        for segment in rated:
            for charge in self._charges(segment):
                if not segment.is_trial:
                    used = quantity_of(charge, placed[id(segment)])
                    self._add(truth, name, history, segment, charge, used)
        return in_lines

    def _add(
        self,
        truth: Expected,
        name: str,
        history: History,
        segment: Segment,
        charge: Charge,
        used: Fraction,
    ) -> None:
        key = name, charge.name, charge.currency, segment.period.start
        amount = charge.amount(used, segment.share)
        truth.amounts[key] = truth.amounts.get(key, Decimal(0)) + amount
        truth.ends[key] = segment.period.end
        truth.held_from[key] = min(truth.held_from.get(key, segment.start), segment.start)
        if amount:
            holder = spoken_at(history, segment.start).values["user_id"]
            truth.holders.setdefault(key, set()).add(holder)

    def _place(
        self, rated: list[Segment], records: list[Row]
    ) -> tuple[dict[int, list[Row]], set[str]]:
        """The records of each segment, and those of them that a charge asks for."""
        placed: dict[int, list[Row]] = defaultdict(list)
        in_lines: set[str] = set()
        for segment in rated:
            metrics = {charge.metric for charge in self._charges(segment)}
            for row in records:
                if _belongs(row, segment):
                    placed[id(segment)].append(row)
                    in_lines |= {row["id"]} if row["metric"] in metrics else set()
        return placed, in_lines

    def _charges(self, segment: Segment) -> list[Charge]:
        """The plan's charges as of the segment's start, of the kinds that its periods bill."""
        history = self._histories["plans"][segment.plan]
        if not history.versions:
            return []
        version = history.at(segment.start)
        if id(version) not in self._priced:
            self._priced[id(version)] = charges_of(
                version.values, self.story.charges, self.story.tiers
            )
        charges = self._priced[id(version)]
        if segment.kind == "all":
            return charges
        is_base = segment.kind == "base"
        return [charge for charge in charges if (charge.metric is None) == is_base]

    def _paces(self, history: History) -> list[tuple[datetime, Pace | None]]:
        """From when which interval counts: at each version of the subscription, and of its plan."""
        changes: list[tuple[datetime, Pace | None]] = []
        for since, until, version in spoken(history):
            plan = self._histories["plans"][version.values["plan_id"]]
            instants = {since} if since < until else set()
            for terms in plan.versions:
                if since < terms.valid_from < until:
                    instants.add(terms.valid_from)
            changes += [(at, _pace(plan, at)) for at in sorted(instants)]
        return changes

    def _trouble(self, history: History) -> str | None:
        if history.newest.is_deleted:
            return "deleted at the source"
        if history.newest.values["status"] not in KNOWN_STATUSES:
            return "unknown status"
        plans = self._histories["plans"]
        if any(not plans[one.values["plan_id"]].versions for one in history.versions):
            return "a plan that no load ever saw"
        codes: dict[str, int] = defaultdict(int)
        for plan in plans.values():
            if plan.versions and not plan.newest.is_deleted:
                codes[plan.newest.values["code"]] += 1
        held = plans[history.newest.values["plan_id"]].newest
        if codes[held.values["code"]] > 1 and not held.is_deleted:
            return "two plans of one code"
        return None


def _belongs(row: Row, segment: Segment) -> bool:
    at = row["window_start"]
    if segment.kind == "base" or not segment.period.start <= at < segment.period.end:
        return False
    owner = segment.calendar.owner(at, segment.period)
    if owner is None:
        return False
    return (segment.plan, segment.is_trial) == (owner.plan, owner.is_trial)


def _pace(plan: History, at: datetime) -> Pace | None:
    return pace_of(plan.at(at).values["billing_interval"]) if plan.versions else None


def quantity_of(charge: Charge, records: list[Row]) -> Fraction:
    if charge.metric is None:
        return Fraction(0)
    return quantity(charge.metric, [row for row in records if row["metric"] == charge.metric])
