"""Small truths about this machine: locks, free ports, and as whom PostgreSQL may run.

Flows in: paths, commands. Flows out: held locks, port numbers, finished commands.
"""

from __future__ import annotations

import fcntl
import functools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOBODY_ID = 65534  # uid and gid of `nobody` on every Linux that we know
_UNSHARE = ("unshare", "-U", f"--map-user={NOBODY_ID}", f"--map-group={NOBODY_ID}")
_LOCK_POLL_SECONDS = 0.05


class SandboxError(RuntimeError):
    """Something in the sandbox cannot go on; the message names the thing and how to fix it."""


@contextmanager
def file_lock(path: Path, timeout_seconds: float = 120) -> Iterator[None]:
    """Hold an exclusive lock on `path` (created when absent); wait for it with a bound.

    The kernel drops the lock when its holder dies, so a killed process leaves nothing to clean.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_seconds
    # O_CLOEXEC (Python's default) matters: a server that inherited the lock would hold it forever.
    with path.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SandboxError(
                        f"another process has held {path} for {timeout_seconds:.0f} s: "
                        "wait for it, or end it"
                    ) from None
                time.sleep(_LOCK_POLL_SECONDS)
        yield


def is_port_free(port: int) -> bool:
    """Say whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(*preferred: int | None) -> int:
    """Return the first preferred port that is free, else one that the kernel picks."""
    for port in preferred:
        if port is not None and is_port_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_inside(folder: Path) -> list[int] | None:
    """Pids whose working directory is `folder`; None where the system does not tell (no /proc)."""
    if not Path("/proc/self/cwd").exists():
        return None
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "cwd") == str(folder.resolve()):
                    found.append(int(entry.name))
            except OSError:  # gone meanwhile, or not ours to look at
                continue
    return found


@functools.cache
def _can_unshare() -> bool:
    """Say whether user namespaces are allowed here (many containers forbid them)."""
    if shutil.which("unshare") is None:
        return False
    probe = subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False)
    return probe.returncode == 0


def _has_name(user_id: int) -> bool:
    try:
        pwd.getpwuid(user_id)
    except KeyError:
        return False
    return True


def run_unprivileged(
    command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command that refuses to be root: as ourselves, in a user namespace, or as nobody.

    In the namespace our own uid is called 65534, so files stay ours and nothing is chowned; it also
    gives a name to a uid that has none, as containers often run with, and initdb wants one.
    Output goes through a file, not a pipe: a server that the command leaves behind would keep a
    pipe open and us waiting.
    """
    options: dict[str, Any] = {}
    prefix: tuple[str, ...] = ()
    user_id = os.geteuid()
    if (user_id == 0 or not _has_name(user_id)) and _can_unshare():
        prefix = _UNSHARE
    elif user_id == 0:
        options = {"user": NOBODY_ID, "group": NOBODY_ID, "extra_groups": []}
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            check=False,
            **options,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")


def give_to_server(folder: Path) -> None:
    """Make `folder` writable for the server: a change of owner only where it runs as nobody."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or _can_unshare():
        return
    os.chown(folder, NOBODY_ID, NOBODY_ID)
    probe = subprocess.run(
        ["test", "-w", str(folder)], user=NOBODY_ID, group=NOBODY_ID, extra_groups=[], check=False
    )
    if probe.returncode != 0:
        raise SandboxError(
            f"PostgreSQL refuses to run as root, user namespaces are forbidden here, and nobody "
            f"cannot reach {folder}: set BILLING_HOME to a folder such as /var/tmp/billing"
        )
