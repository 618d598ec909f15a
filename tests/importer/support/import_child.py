"""Importers in processes of their own, which can be killed at named points.

Run as a program it is a nursery: it has imported everything, and forks an importer for each line of
JSON on its standard input, so that one costs little. In: settings, and at which point it dies. Out:
the process id, then the exit status; the ledger and Odoo tell the rest.
"""

import json
import os
import signal
import sys
from collections import Counter
from typing import Any

import psycopg2

from connections.errors import DatabaseUnreachable, OdooError
from connections.settings import load_settings
from publishers import retrying
from publishers.importer import run_import, writing

POINTS = (
    "before_load", "after_load", "after_confirm", "before_write", "after_write",
)  # fmt: skip
BATCH_SIZE = 2


def run(settings: dict[str, Any], by: str, point: str, nth: int) -> None:
    """Import once; die when `point` is passed for the n-th time."""
    writing.BATCH_SIZE = BATCH_SIZE
    retrying.FIRST_PAUSE_SECONDS = 0.02
    passed: Counter[str] = Counter()

    def at(name: str) -> None:
        passed[name] += 1
        if (name, passed[name]) == (point, nth):
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        report = run_import(load_settings(**settings), go=True, by=by, at=at)
    except (OdooError, psycopg2.Error, DatabaseUnreachable):
        os._exit(1)
    os._exit(0 if report.is_ok else 2)


def nursery() -> None:
    """Fork an importer per `run`, wait for it per `wait`; one JSON answer a line."""
    for text in sys.stdin:
        command = json.loads(text)
        if "wait" in command:
            _, status = os.waitpid(command["wait"], 0)
            print(json.dumps({"exit": os.waitstatus_to_exitcode(status)}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            sys.stdin.close()
            try:
                run(**command)
            finally:
                # Only a mistake of ours gets here: the traceback is printed, the nursery lives on.
                sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
                os._exit(3)
        print(json.dumps({"pid": pid}), flush=True)


if __name__ == "__main__":
    nursery()
