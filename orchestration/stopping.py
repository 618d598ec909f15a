"""Ctrl-C and SIGTERM end a run within seconds, wherever it is: also deep in a query or a COPY.

Flows in: signals. Flows out: one sentence, a run marked as canceled, no child left, exit code 130
or 143. Python's own handler waits until the database answers; a thread that reads the signal's
number from a pipe does not.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECONDS_TO_END_BY_ITSELF = 3.0


@contextmanager
def stoppable(stopped: Callable[[int], object]) -> Iterator[None]:
    """Call `stopped(signal's number)` in a thread when a person stops us, then end the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    # Ours does nothing: the number in the pipe is enough.
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    thread = threading.Thread(target=_wait, args=(reader, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(writer)
        thread.join(SECONDS_TO_END_BY_ITSELF)
        os.close(reader)


def _wait(reader: int, stopped: Callable[[int], object]) -> None:
    while heard := os.read(reader, 1):
        if heard[0] in SIGNALS:
            try:
                stopped(heard[0])
            finally:
                end_children()
                os._exit(128 + heard[0])


def end_children() -> None:
    """Ask the children to end, dbt among them; a second later they have no choice."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for child in children():
            try:
                os.kill(child, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + 1
        while children() and time.monotonic() < deadline:
            time.sleep(0.05)


def children() -> list[int]:
    """The processes that this one started and that still run; none where there is no /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.append(int(stat.parent.name))
    return found
