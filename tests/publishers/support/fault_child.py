"""Publishers in processes of their own, which can be killed at named points.

Run as a program it is a nursery: it has imported everything, and forks a publisher for each line of
JSON on its standard input, so that one costs little. In: settings and a script of what happens at
which point. Out: the process id, then the exit status; the ledger and Odoo tell the rest.
"""

import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2

from connections.errors import DatabaseUnreachable, OdooError
from connections.settings import load_settings
from publishers import drafts, retrying, sending
from publishers.ledger import AlreadyPublishing

POINTS = (
    "before_claim",
    "after_claim",
    "before_request",
    "after_load",
    "after_answer",
    "before_confirm",
    "between_batches",
)


@dataclass(frozen=True)
class Event:
    """At the n-th time that the run passes `point`: die, or run a statement in the warehouse."""

    point: str
    nth: int
    statement: str | None = None
    values: tuple[Any, ...] = ()


def run(settings: dict[str, Any], events: Sequence[Event], batch_size: int) -> None:
    """Publish once; what a person would see as an error ends the process with code 1."""
    sending.BATCH_SIZE = batch_size
    drafts.BATCH_SIZE = drafts.CLAIM_SIZE = batch_size
    retrying.FIRST_PAUSE_SECONDS = 0.02
    passed: Counter[str] = Counter()

    def at(point: str) -> None:
        passed[point] += 1
        for event in events:
            if (event.point, event.nth) == (point, passed[point]):
                _happen(settings["warehouse_dsn"], event)

    try:
        report = drafts.publish(load_settings(**settings), go=True, at=at)
    except (OdooError, psycopg2.Error, DatabaseUnreachable, AlreadyPublishing):
        os._exit(1)
    os._exit(0 if report.is_ok else 2)


def _happen(dsn: str, event: Event) -> None:
    if event.statement is not None:
        return _execute(dsn, event.statement, event.values)
    # The dead tell nothing. Where the database is being restarted, this death stays uncounted.
    with contextlib.suppress(psycopg2.Error):
        _execute(dsn, "insert into marts.kills values (%s)", (event.point,))
    os.kill(os.getpid(), signal.SIGKILL)


def _execute(dsn: str, statement: str, values: tuple[Any, ...]) -> None:
    conn = psycopg2.connect(dsn)
    try:
        with conn, conn.cursor() as cursor:
            cursor.execute(statement, values)
    finally:
        conn.close()


def nursery() -> None:
    """Fork a publisher per `run`, wait for it per `wait`; one JSON answer a line."""
    for text in sys.stdin:
        command = json.loads(text)
        if "wait" in command:
            _, status = os.waitpid(command["wait"], 0)
            _answer({"exit": os.waitstatus_to_exitcode(status)})
            continue
        pid = os.fork()
        if pid == 0:
            sys.stdin.close()
            events = [Event(**event) for event in command["events"]]
            try:
                run(command["settings"], events, command["batch_size"])
            finally:
                # Only a mistake of ours gets here: the traceback is printed, the nursery lives on.
                sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
                os._exit(3)
        _answer({"pid": pid})


def _answer(content: dict[str, int]) -> None:
    print(json.dumps(content), flush=True)


if __name__ == "__main__":
    nursery()
