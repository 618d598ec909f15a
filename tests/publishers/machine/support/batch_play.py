"""A batch: the customers of many seeds live through four months in one warehouse and one Odoo.

In: seeds, a warehouse, an Odoo. Out: a Verdict with every broken law by seed, and what happened how
often. Customers have random numbers of their own; what concerns all of them at once (a build while
a run publishes, an older ledger, a second warehouse) is drawn from the batch's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Barrier, BrokenBarrierError
from typing import Any
from uuid import uuid4

import psycopg2
from batch_judge import Judge, Problem, proposed
from batch_people import FAY, People
from batch_sources import Sources
from batch_world import BatchWorld, link_partners
from billed_company import Customer
from dbt_runs import DbtFailed
from odoo_holdings import Holdings, Stretch
from recon_world import NAME

from connections.errors import OdooError
from publishers.drafts import publish

NIGHTS = [datetime(2026, month, 4, 16, tzinfo=UTC) for month in (7, 8, 9, 10)]
DAY = timedelta(days=1)
BACKUP, SECOND = "machine_backup", "machine_second"
POINTS = ("before_claim", "after_claim", "before_request", "after_load", "before_confirm")

MEETS_SECONDS = 20


# Policies that move boundaries over what is billed, without a day from which they count.
POLICIES = (("timezone", "America/Vancouver"), ("period_rule", "anniversary"))


class Died(BaseException):
    """A run that ends in the middle of its work."""


@dataclass
class Verdict:
    """What a batch found: problems by seed, and how often what happened."""

    problems: dict[int, list[tuple[str, Problem]]] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    documents: int = 0


class Batch:
    """One play of many seeds."""

    def __init__(self, seeds: Sequence[int], world: BatchWorld) -> None:
        self.world = world
        self.customers = [Customer(seed) for seed in seeds]
        self.random = Random(f"batch {seeds[0]}")
        self.odoo = world.admin()
        self.holdings = Holdings(world, self.odoo)
        self.people = People(world, self.odoo, self.holdings)
        self.sources = Sources(world.rating, self.customers)
        self.seeds = {s.name: c.seed for c in self.customers for s in c.subscriptions}
        users = {s.name: c.user for c in self.customers for s in c.subscriptions}
        self.judge = Judge(world, self.holdings, users)
        self.verdict = Verdict()
        self.happened = self.verdict.happened

    def play(self) -> Verdict:
        """All nights, then two to put everything right, then one under another policy."""
        self._begin()
        kinds = self.random.sample(("two at once", "died", "plain", "died"), len(NIGHTS))
        for number, (as_of, kind) in enumerate(zip(NIGHTS, kinds, strict=True)):
            self._night(number, as_of, kind)
        for number in (1, 2):
            self._last_night(NIGHTS[-1] + number * DAY, is_last=number == 2)
        self._change_a_policy(NIGHTS[-1] + 3 * DAY)
        self.verdict.judged, self.verdict.excused = self.judge.judged, self.judge.excused
        self.verdict.documents = len(self.holdings.bound)
        self.happened.update(self.sources.changes + self.people.acts)
        return self.verdict

    def _begin(self) -> None:
        partners = link_partners(self.odoo, [c.user for c in self.customers])
        for customer in self.customers:
            customer.partner_id = partners[customer.user]
        self.world.load_odoo()
        self.world.rating.as_of = NIGHTS[0]
        self.sources.begin()
        self.people.open_gates(self.customers)

    def _night(self, number: int, as_of: datetime, kind: str) -> None:
        self.world.let_a_day_pass()
        self.world.rating.as_of = as_of
        self.sources.change(as_of, is_first=number == 0)
        if number == 2:
            self._older_ops()
        self.world.build(self._in_the_middle if number == 3 else None)
        self.holdings.look()
        # What a run published in the middle of this build is counted by the next one.
        if number != 3:
            self._judge(f"night {number + 1}")
        self.people.decide(self.customers)
        if number == 1:
            self.world.copy_to(BACKUP)
        before = self.judge.held()
        self._publish(kind)
        self.holdings.look()
        if number == 3:
            self._second_warehouse()
        self._judge_run(f"run of night {number + 1}", before)
        self.people.work_in_odoo(self.customers)
        self._run(NAME, limit=0)
        self.people.release_some(self.random.random)
        self._run(NAME, limit=0)
        self.holdings.look()
        if number == 2:
            # What is left for the run in the middle of the next build.
            self.people.approve_all()

    def _last_night(self, as_of: datetime, *, is_last: bool) -> None:
        """A build, and its verdict; then people put right what they were told, and approve."""
        self.world.let_a_day_pass()
        self.world.rating.as_of = as_of
        self.world.build()
        self.holdings.look()
        self._judge(f"{as_of:%m-%d}")
        for _ in range(2):
            self.people.put_right(self.customers)
            self._run(NAME, limit=0)
            self.holdings.look()
        self.people.approve_all()
        self._run(NAME)
        self.holdings.look()
        if is_last:
            self._judge("the end", is_last=True)

    def _judge(self, when: str, **options: Any) -> None:
        held = [s for c in self.customers for s in c.subscriptions]
        self._note(when, self.judge.judge(held, self.sources.invoices, **options))

    def _judge_run(self, when: str, before: Sequence[Stretch]) -> None:
        held = [s for c in self.customers for s in c.subscriptions]
        self._note(when, self.judge.judge_run(held, self.sources.invoices, before))

    def _note(self, when: str, problems: Sequence[Problem]) -> None:
        for problem in problems:
            seed = self.seeds[problem.subscription]
            self.verdict.problems.setdefault(seed, []).append((when, problem))

    # ------------------------------------------------------------------ runs

    def _publish(self, kind: str) -> None:
        self.happened[kind] += 1
        if kind == "two at once":
            self._run_at_once(NAME, NAME)
        elif kind == "died":
            self._run(NAME, dies_at=self.random.choice(POINTS))
        self._run(NAME)

    def _run_at_once(self, *names: str) -> None:
        """Runs that have all looked at Odoo before the first of them claims."""
        looked = Barrier(len(names), timeout=MEETS_SECONDS)

        def meet() -> None:
            with suppress(BrokenBarrierError):  # one of them has nothing to claim
                looked.wait()

        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: self._run(name, meet=meet), names))

    def _run(
        self,
        name: str,
        *,
        limit: int | None = None,
        dies_at: str | None = None,
        meet: Callable[[], None] | None = None,
    ) -> None:
        """Publish what is approved in a warehouse; what a person would see as an error is none.

        `meet` is called before the first claim.
        """
        meetings = [meet] if meet else []

        def at(point: str) -> None:
            if point == dies_at:
                raise Died(point)
            if point == "before_claim" and meetings:
                meetings.pop()()

        try:
            report = publish(
                self.world.settings(name), go=True, limit=limit, run_id=uuid4().hex, by=FAY, at=at
            )
            self.happened["created"] += report.created
            self.happened["quarantined"] += report.quarantined
            self.happened["failed"] += report.failed
            self.happened["stopped"] += bool(getattr(report, "stopped", None))
            self.happened["alarms"] += len(report.alarms)
        except Died:
            self.happened[f"died {dies_at}"] += 1
        except (OdooError, psycopg2.Error) as error:
            self.happened[f"run ended: {type(error).__name__}"] += 1

    def _in_the_middle(self) -> None:
        self.happened["published during a build"] += 1
        self._run(NAME)
        self.holdings.look()

    def _older_ops(self) -> None:
        """The ledger comes back from a backup that was made before a night of publishing."""
        self.happened["older ops"] += 1
        self.world.restore_ops(BACKUP)
        if self.random.random() < 0.5:
            # Nobody has noticed yet.
            self._run(NAME)
            self.holdings.look()
        self.people.adopt()
        self._run(NAME, limit=0)
        self.holdings.look()

    def _second_warehouse(self) -> None:
        """A copy of the warehouse publishes to the same Odoo, at once with the first or alone."""
        self.happened["second warehouse"] += 1
        if self.random.random() < 0.5:
            self._run(BACKUP)
            self.holdings.look(NAME, BACKUP)
        else:
            self.people.approve_all()
            self.world.copy_to(SECOND)
            self._run_at_once(NAME, SECOND)
            self.holdings.look(NAME, SECOND)

    def _change_a_policy(self, as_of: datetime) -> None:
        """A rule that moves the boundaries of what is billed: nothing new may come of it."""
        name, value = self.random.choice(POLICIES)
        self.happened[f"{name} changed"] += 1
        self.world.rating.as_of = as_of
        known = {row.where for row in proposed(self.world, set(self.judge.customers))}
        self.world.change_policy(name, value)
        try:
            self.world.build()
        except DbtFailed:
            self.happened["policy refused"] += 1
            return
        self.people.approve_by_policy()
        self._run(NAME)
        self.holdings.look()
        self._judge("another policy", known=known)
