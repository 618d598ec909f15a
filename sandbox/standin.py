"""Start and stop the Odoo stand-in as a process of its own.

Flows in: a folder and the DSN of its database. Flows out: a server that answers odoorpc on
127.0.0.1, in its own process group, and where to find it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg2.extensions import parse_dsn

from sandbox.odoo_standin.builds import DEFAULT
from sandbox.odoo_standin.passwords import api_key
from sandbox.processes import SandboxError, free_port

_ROOT = Path(__file__).resolve().parents[1]
_START_TIMEOUT_SECONDS = 60
_STOP_TIMEOUT_SECONDS = 10
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Standin:
    """A running stand-in; the password is the sandbox's own and no secret."""

    folder: Path
    dsn: str
    port: int
    pid: int
    community: bool = False
    build: str = DEFAULT
    user: str = "billing"
    password: str = "billing"
    api_key: str = api_key("billing")
    # Who may create contacts, products and draft orders; the password is the name, as everybody's.
    importer: str = "importer"

    @property
    def login(self) -> dict[str, str]:
        """The settings of its user, for either protocol."""
        return login_as(self.user)

    @property
    def db(self) -> str:
        """What Odoo calls its database: the one that it keeps its state in."""
        return str(parse_dsn(self.dsn)["dbname"])

    @property
    def url(self) -> str:
        """The base address, as ODOO_URL wants it."""
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Say whether it tells its version."""
        request = urllib.request.Request(
            f"{self.url}/web/webclient/version_info",
            data=b'{"jsonrpc": "2.0", "method": "call", "params": {}, "id": 1}',
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return "server_version" in json.load(answer).get("result", {})
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def stop(self) -> None:
        """End its process group, and wait until it is gone."""
        if not is_standin(self.pid):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            if _wait_until_gone(self.pid):
                return
        raise SandboxError(f"the Odoo stand-in (pid {self.pid}) does not end")


def login_as(user: str, part: str = "") -> dict[str, str]:
    """The settings of any of its users, whose passwords are their names; `part`: who `publish`es,
    or `import`s.
    """
    prefix = f"odoo_{part}_" if part else "odoo_"
    names = {"user": user, "password": user, "api_key": api_key(user)}
    return {f"{prefix}{name}": value for name, value in names.items()}


def start_standin(
    folder: Path,
    dsn: str,
    *,
    community: bool = False,
    port: int | None = None,
    build: str = DEFAULT,
) -> Standin:
    """Start a stand-in on `dsn` (it seeds an empty database), and wait until it answers.

    `port` is a wish; a free one is taken where it is busy. Its output goes to `<folder>/odoo.log`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for wish in (port, None, None):
        standin = _launch(Standin(folder, dsn, free_port(wish), 0, community, build))
        if standin is not None:
            return standin
    raise SandboxError(f"the Odoo stand-in does not start:\n{_tail(folder / 'odoo.log')}")


def _launch(wanted: Standin) -> Standin | None:
    """Start one and wait for its answer; None when it ended (another took the port before it)."""
    command = [sys.executable, "-m", "sandbox.odoo_standin", "--dsn", wanted.dsn]
    command += ["--port", str(wanted.port), "--build", wanted.build]
    with (wanted.folder / "odoo.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *(["--community"] if wanted.community else [])],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    standin = replace(wanted, pid=process.pid)
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    # Who answers on that port is not asked before our own process is seen to live.
    while process.poll() is None:
        if standin.answers():
            return standin
        if time.monotonic() > deadline:
            standin.stop()
            raise SandboxError(f"the Odoo stand-in is mute:\n{_tail(wanted.folder / 'odoo.log')}")
        time.sleep(_POLL_SECONDS)
    return None


def is_standin(pid: int) -> bool:
    """Say whether the process lives and is a stand-in, not a stranger that got its number."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # reap it, if it was our own child
    command = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return b"sandbox.odoo_standin" in command.read_bytes()
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + _STOP_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if not is_standin(pid):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-20:])
