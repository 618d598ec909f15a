"""Seeded schedules of faults, and the judge who compares the ledger, Odoo and what was approved.

In: a seed. Out: a script of publishing runs that are broken in various ways while people approve
and lines change, followed by one clean run, and a verdict: duplicates, losses, wrong totals.
"""

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import cycle
from json import dumps, loads
from typing import Any

from fault_child import POINTS, Event
from fault_judge import Verdict, judge
from fault_proxy import FAULTS, FaultProxy
from publishing_world import JUNE, MAY, World, content_hash, line

from publishers.ledger import CLAIM_LOCK
from publishers.taxes import TaxComponent

RUN_TIMEOUT_SECONDS = 60
BATCH_SIZE = 2
RESTART_EVERY = 10


class Nursery:
    """The process that forks publishers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fault_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, settings: dict[str, Any], events: Sequence[Event]) -> int:
        """Fork a publisher; its process id."""
        command = {
            "settings": settings,
            "events": [asdict(event) for event in events],
            "batch_size": BATCH_SIZE,
        }
        return int(self._ask(command)["pid"])

    def wait(self, pid: int) -> int:
        """Its exit code; negative where it was killed."""
        return int(self._ask({"wait": pid})["exit"])

    def stop(self) -> None:
        """End the nursery."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)

    def _ask(self, command: dict[str, Any]) -> dict[str, int]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, int] = loads(self._process.stdout.readline())
        return answer


@dataclass(frozen=True)
class Round:
    """One broken run, or two at once."""

    plan: dict[int, str]
    events: tuple[Event, ...]
    publishers: int
    restarts_database: bool


@dataclass
class Schedule:
    """All that happens under one seed. The service's name keeps schedules apart in one Odoo."""

    seed: int
    service: str
    partners: Sequence[int]
    taxes: dict[int, tuple[TaxComponent, ...]]

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        chosen = self.random.sample(self.partners, self.random.randint(3, 5))
        self.lines = [
            self._line(number, partner)
            for number, partner in enumerate(
                partner for partner in chosen for _ in range(self.random.randint(1, 3))
            )
        ]
        # Decks and not dice: fifty schedules show every fault and every point several times.
        self._faults = cycle(FAULTS[self.seed * 5 % len(FAULTS) :] + FAULTS)
        self._points = cycle(POINTS[self.seed % len(POINTS) :] + POINTS)
        self.rounds = [self._round(n) for n in range(self.random.randint(1, 3))]

    def _line(self, number: int, partner: int) -> dict[str, Any]:
        return line(
            number + 1000 * (self.seed + 1),
            service=self.service,
            subscription=f"sub-{number}",
            partner_id=partner,
            period=self.random.choice((MAY, JUNE)),
            tax_ids=[self.random.choice(list(self.taxes))],
            amount=Decimal(self.random.randint(1, 50000)) / 100,
        )

    def _round(self, number: int) -> Round:
        pick = self.random
        broken = pick.sample(range(1, 9), pick.choice((0, 3, 4, 5)))
        kills = [Event(next(self._points), pick.randint(1, 2))] if pick.random() < 0.5 else []
        changes = [
            self._change(pick.choice(("before_claim", "after_claim", "between_batches")))
            for _ in range(pick.choice((0, 0, 1, 2)))
        ]
        return Round(
            plan={request: next(self._faults) for request in broken},
            events=(*changes, *kills),
            publishers=2 if pick.random() < 0.3 else 1,
            restarts_database=number == 0 and self.seed % RESTART_EVERY == 3,
        )

    def _change(self, point: str) -> Event:
        """While a run is at `point`: a line changes, or somebody approves or revokes one."""
        row = self.random.choice(self.lines)
        what = self.random.choice(("change", "change and approve", "approve", "revoke"))
        if not what.startswith("change"):
            return Event(point, 1, *_decision(row["line_key"], what))
        statement, values = _amount_change(row, Decimal(self.random.randint(1, 50000)) / 100)
        if what.endswith("approve"):
            approve, key = _decision(row["line_key"], "approve")
            statement, values = f"{statement}; {approve}", (*values, *key)
        return Event(point, 1, statement, values)


# Decisions take this lock as approvals.py does; the changes of lines take it too, so that the judge
# can tell what a claim must have seen: all that is stamped before the claim began.
_LOCKED = f"select pg_advisory_xact_lock_shared({CLAIM_LOCK});"
RECORDS = (
    "create table marts.line_changes (line_key text, content_hash text, at timestamptz);"
    " create table marts.kills (point text)"
)


def _decision(line_key: str, decision: str) -> tuple[str, tuple[Any, ...]]:
    return (
        f"{_LOCKED} set local billing.identity = 'fay'; insert into ops.line_approvals"
        " (line_key, content_hash, decision) select line_key, content_hash, %s"
        " from marts.fct_invoice_lines where line_key = %s",
        (decision, line_key),
    )


def _amount_change(row: dict[str, Any], amount: Decimal) -> tuple[str, tuple[Any, ...]]:
    changed = {**row, "amount": amount, "unit_price": amount}
    return (
        f"{_LOCKED} with changed as (update marts.fct_invoice_lines"
        " set amount = %s, unit_price = %s, content_hash = %s where line_key = %s"
        " returning line_key, content_hash)"
        " insert into marts.line_changes select *, clock_timestamp() from changed",
        (str(amount), str(amount), content_hash(changed), row["line_key"]),
    )


def play(schedule: Schedule, world: World, nursery: Nursery, cluster: Any) -> Verdict:
    """Run the rounds, then a clean run, then judge."""
    # Longer than the publisher waits, so that silence is a timeout.
    proxy = FaultProxy(world.plain_http(), silence_seconds=_patience(world) + 0.1)
    verdict = Verdict(schedule.seed, lines=len(schedule.lines))
    try:
        world.query(RECORDS)
        world.propose(schedule.lines)
        _approve_some(schedule, world)
        for each in schedule.rounds:
            _play_round(each, world, nursery, proxy, cluster, verdict)
            _approve_some(schedule, world)
        world.approve(service=schedule.service)
        proxy.break_with({}, lambda: None)
        _clean_runs(world, nursery, proxy, verdict)
    finally:
        proxy.close()
    verdict.faults += proxy.injected
    verdict.faults.update(
        f"kill at {point}" for (point,) in world.query("select * from marts.kills")
    )
    judge(schedule, world, verdict)
    return verdict


def _approve_some(schedule: Schedule, world: World) -> None:
    count = schedule.random.randint(len(schedule.lines) // 2, len(schedule.lines))
    meant = schedule.random.sample(schedule.lines, count)
    world.approve(line_keys=tuple(row["line_key"] for row in meant))


def _patience(world: World) -> float:
    """Seconds that a publisher waits for an answer; a real Odoo takes its time."""
    return 5.0 if world.is_real else 0.5


def _settings(world: World, url: str, timeout: float) -> dict[str, Any]:
    known = world.settings
    return {
        "billing_home": str(known.billing_home),
        "warehouse_dsn": known.warehouse_dsn,
        "odoo_url": url,
        "odoo_db": known.odoo_db,
        "odoo_user": known.odoo_user,
        "odoo_password": known.odoo_password.get_secret_value(),
        "odoo_api": known.odoo_api,
        "odoo_api_key": known.odoo_api_key.get_secret_value(),
        "odoo_timeout_seconds": timeout,
        "billing_as_of": known.as_of.isoformat(),
    }


def _play_round(
    each: Round, world: World, nursery: Nursery, proxy: FaultProxy, cluster: Any, verdict: Verdict
) -> None:
    settings = _settings(world, proxy.url, _patience(world))
    pids: list[int] = []
    proxy.break_with(each.plan, lambda: _kill(pids))
    # Only the first is hurt at named points; the second is a bystander who must do no harm.
    for number in range(each.publishers):
        pids.append(nursery.start(settings, each.events if number == 0 else ()))
    if each.restarts_database:
        verdict.faults["database_restart"] += 1
        time.sleep(0.15)
        cluster.stop(immediate=True)
        cluster.start()
    exits = [nursery.wait(pid) for pid in pids]
    verdict.faults["two_publishers"] += each.publishers - 1
    if 3 in exits:
        verdict.problems.append(("disagree", "a publisher ended with an error of its own"))


def _kill(pids: Sequence[int]) -> None:
    if pids:
        # The publisher at hand may be the second; a kill of either is a kill in mid-request.
        subprocess.run(["kill", "-9", str(pids[0])], check=False, stderr=subprocess.DEVNULL)


def _clean_runs(world: World, nursery: Nursery, proxy: FaultProxy, verdict: Verdict) -> None:
    """One run without faults must bring everything to an end; another finds nothing to do."""
    settings = _settings(world, proxy.url, 60)
    for name in ("clean", "second"):
        before = len(world.states())
        code = nursery.wait(nursery.start(settings, ()))
        if code != 0:
            verdict.problems.append(("disagree", f"the {name} run ended with {code}"))
        if name == "second" and len(world.states()) != before:
            verdict.problems.append(("duplicate", "the second run claimed something"))
