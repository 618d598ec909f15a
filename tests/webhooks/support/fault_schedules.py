"""Seeded schedules of faults: what the receiver and the network do, and when the sender dies.

In: a seed. Out: a world in which all was delivered, or an AssertionError that names the seed.
A schedule is decided by its seed alone: what a receiver does depends on the event and on how often
it came, not on the order in which threads ran.
"""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from dying_worker import FixedClock, loopback, nobody, run_and_die
from faulty_receiver import OK, RESET_AFTER, RESET_BEFORE, Act, Receiver
from webhook_world import START, World

from publishers.webhooks import Options, deliver, emit
from publishers.webhooks.reports import DeliveryReport
from publishers.webhooks.retry import RetryPolicy
from publishers.webhooks.sender import Timeouts

HOST = "receiver.lan"
SILENCE = 0.25
TIMEOUTS = Timeouts(connect=1, read=0.08, whole=0.5)
POLICY = RetryPolicy(maximum_attempts=100, first_wait_seconds=30)
FAULTY_ARRIVALS = 3
MOST_ROUNDS = 120

FAULTS = {
    "500, taken": Act(status=500),
    "500, not taken": Act(status=500, takes=False),
    "503 with Retry-After": Act(status=503, takes=False, headers=(("Retry-After", "90"),)),
    "429 until a date": Act(
        status=429, takes=False, headers=(("Retry-After", "Wed, 03 Jun 2026 12:02:00 GMT"),)
    ),
    "404": Act(status=404, takes=False),
    "redirect": Act(status=302, takes=False, headers=(("Location", "http://127.0.0.1:1/"),)),
    "reset, not taken": RESET_BEFORE,
    "reset, taken": RESET_AFTER,
    "slow, taken": Act(silence=SILENCE),
    "slow, not taken": Act(silence=SILENCE, takes=False),
    "huge answer": Act(status=200, body=b"y" * 100_000),
}


NAMES = {"down": "receiver down", "pair": "two senders"}


class Schedule:
    """One seed's world, played until everything is delivered."""

    def __init__(self, seed: int, world: World, receiver: Receiver) -> None:
        self.dice = random.Random(seed)
        self.seed = seed
        self.world = world
        self.receiver = receiver
        self.arrivals: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.lock = threading.Lock()
        receiver.plan = self.act

    def act(self, event: dict[str, Any]) -> Act:
        """What the receiver does with this arrival of this event."""
        with self.lock:
            self.arrivals[event["id"]] += 1
            arrival = self.arrivals[event["id"]]
        dice = random.Random(f"{self.seed}/{event['id']}/{arrival}")
        if arrival > FAULTY_ARRIVALS or dice.random() < 0.45:
            return OK
        name = dice.choice(list(FAULTS))
        with self.lock:
            self.faults[name] += 1
        return FAULTS[name]

    def play(self) -> None:
        self._emit()
        for _ in range(MOST_ROUNDS):
            self._round()
            if set(self.world.states().values()) == {"delivered"}:
                return
            self._wait_for_the_next_head()
        raise AssertionError(f"seed {self.seed}: not delivered after {MOST_ROUNDS} rounds")

    def _emit(self) -> None:
        number = 0
        for subscription in range(self.dice.randint(1, 3)):
            for _ in range(self.dice.randint(1, 4)):
                number += 1
                self.world.propose(
                    f"{number:032x}",
                    external_subscription_id=f"sub-{subscription}",
                    deployment_id=f"dep-{subscription}",
                    event_type=self.dice.choice(
                        ["invoice.payment_failed", "invoice.payment_succeeded"]
                    ),
                    occurred_at=START + timedelta(seconds=number),
                )
        emit(self.world.settings, go=True)
        self.world.rows("update ops.webhook_deliveries set next_attempt_at = %s", START)

    def _round(self) -> None:
        kind = self.dice.choices(["run", "kill", "down", "pair"], [5, 2, 1, 1])[0]
        self.faults += Counter([NAMES[kind]] if kind in NAMES else [])
        if kind == "kill":
            self._run_and_kill()
        elif kind == "pair":
            other = threading.Thread(target=self._run, args=(loopback,))
            other.start()
            self._run(loopback)
            other.join()
        else:
            self._run(nobody if kind == "down" else loopback)

    def _run(self, resolver: Any) -> None:
        run(self.world, resolver, self.dice.randint(1, 4), self.seed)

    def _run_and_kill(self) -> None:
        code = run_and_kill(self.world, self.dice.randint(1, 3), self.dice.randint(1, 3))
        self.faults += Counter(["killed before the record"] if code == -signal.SIGKILL else [])
        assert code in (0, -signal.SIGKILL), f"seed {self.seed}: {code}"

    def _wait_for_the_next_head(self) -> None:
        """Move the clock to when the oldest event of some subscription may be tried again."""
        [(due,)] = self.world.rows(
            "select min(next_attempt_at) from (select distinct on (external_subscription_id)"
            " next_attempt_at from ops.webhook_deliveries where state <> 'delivered'"
            " order by external_subscription_id, sequence) as heads"
        )
        if due is not None and due > self.world.clock():
            self.world.clock.now = due


def run(world: World, resolver: Any, concurrency: int = 2, seed: int = 0) -> DeliveryReport:
    """One run in this process."""
    options = Options(
        concurrency=concurrency,
        clock=world.clock,
        dice=random.Random(seed),
        retry=POLICY,
        timeouts=TIMEOUTS,
        resolver=resolver,
    )
    return deliver(world.settings, go=True, options=options)


def run_and_kill(world: World, answers: int, concurrency: int) -> int | None:
    """One run in a process that dies after an answer came and before it is recorded."""
    options = {
        "concurrency": concurrency,
        "clock": FixedClock(world.clock()),
        "retry": POLICY,
        "timeouts": TIMEOUTS,
        "resolver": loopback,
    }
    return run_and_die(world.settings.model_dump(), answers, options)


def in_order(events: Sequence[dict[str, Any]]) -> bool:
    """Whether the sequence only grows within each subscription."""
    newest: dict[str, int] = {}
    for event in events:
        subscription = event["external_subscription_id"]
        if event["sequence"] <= newest.get(subscription, 0):
            return False
        newest[subscription] = event["sequence"]
    return True
