"""A worker process that dies after an answer came and before it is recorded.

Apart, so that the process imports nothing of the tests: a child then costs some ten milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

from connections.settings import load_settings
from publishers.webhooks import Options, deliver

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["publishers.webhooks", "connections.settings"])


def run_and_die(settings: dict[str, Any], answers: int, options: dict[str, Any]) -> int | None:
    """Deliver in a process that kills itself, as hard as it goes, after so many answers."""
    names = [name for name in os.environ if "WEBHOOK" in name]
    environment = {name: os.environ[name] for name in names}
    child = _processes.Process(target=_deliver, args=(settings, environment, answers, options))
    child.start()
    child.join(60)
    return child.exitcode


def _deliver(
    settings: dict[str, Any], environment: dict[str, str], answers: int, options: dict[str, Any]
) -> None:
    os.environ.update(environment)
    left = [answers]

    def die(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    deliver(load_settings(**settings), go=True, options=Options(after_answer=die, **options))


class FixedClock:
    """A clock that can be sent to another process."""

    def __init__(self, now: Any) -> None:
        self._now = now

    def __call__(self) -> Any:
        return self._now


def loopback(_host: str, _port: int) -> list[str]:
    """Every name is this machine."""
    return ["127.0.0.1"]


def nobody(_host: str, _port: int) -> list[str]:
    """Every name is where nobody listens: connection refused."""
    return ["127.0.0.2"]
