"""Where a run's own words go: a file, as text or as JSON lines.

Flows in: what dbt and Dagster print, and the run's events. Flows out: the file of a run, and a
console on the real stderr for whoever watches.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    import dagster as dg

# With JSON lines each event is written once, as JSON: Dagster's console says none of them.
SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_OURS = '{"time": '
SECONDS_TO_WRITE = 5.0


def log_file(home: Path, job: str) -> Path:
    """A new file for a run that begins now."""
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{time.strftime('%Y%m%dT%H%M%S')}-{job}-{os.getpid()}.log"


@contextmanager
def output_into(log: Path, *, as_json: bool) -> Iterator[Console]:
    """Send file descriptors 1 and 2 into the log and yield a console on the real stderr.

    The descriptors and not sys.stdout, because dbt and Dagster's log capture are other processes.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    target, pump = _json_lines(log) if as_json else (_appended(log), None)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    try:
        with os.fdopen(os.dup(saved[1]), "w") as terminal:
            yield Console(file=terminal)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
        if pump:
            pump.join(SECONDS_TO_WRITE)


def _appended(log: Path) -> int:
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def _json_lines(log: Path) -> tuple[int, threading.Thread]:
    """The end of a pipe to write to, and the thread that makes JSON of what comes."""
    reader, writer = os.pipe()

    def pump() -> None:
        with os.fdopen(reader, errors="replace") as lines, log.open("a", buffering=1) as file:
            for line in lines:
                if text := _COLOUR.sub("", line).rstrip():
                    file.write((text if text.startswith(_OURS) else said(text)) + "\n")

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    return writer, thread


def said(text: str, level: str = "INFO", at: float | None = None, **more: Any) -> str:
    """One line of JSON."""
    when = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    given = {name: value for name, value in more.items() if value is not None}
    return json.dumps({"time": when.isoformat(), "level": level, **given, "message": text})


def print_event(entry: dg.EventLogEntry) -> None:
    """An event of a run as a line of JSON, into the log."""
    event = entry.dagster_event
    key = event.asset_key if event else None
    line = said(
        (event.message if event else None) or entry.user_message,
        logging.getLevelName(int(entry.level)),
        entry.timestamp,
        job=entry.job_name,
        run_id=entry.run_id,
        step=entry.step_key,
        event=event.event_type_value if event else None,
        asset=key.to_user_string() if key else None,
    )
    print(line, flush=True)  # noqa: T201 (stdout is the log)
