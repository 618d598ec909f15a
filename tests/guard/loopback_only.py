"""A guard for tests: this process and its Python children may talk to this machine only.

Flows in: Python's audit events of sockets. Flows out: an `OutsideLoopback` error instead of a
packet. PostgreSQL's client library opens its sockets itself, so `psycopg2.connect` is watched too.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_LOCAL_NAMES = {"localhost", "", "0.0.0.0", "::"}
# Names that can never exist (RFC 2606): answered as a resolver would, without asking one.
_NO_SUCH_NAMES = (".invalid", ".test", ".example")
_ADDRESS_EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
_NAME_EVENTS = {"socket.getaddrinfo", "socket.gethostbyname"}
_allowed: set[str] = set()


class OutsideLoopback(RuntimeError):
    """A test tried to reach another machine; not an OSError, so that no retry swallows it."""


def is_local(host: object) -> bool:
    """Say whether a host name or address means this machine."""
    if host is None:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    if text in _LOCAL_NAMES or text == socket.gethostname() or text in _allowed:
        return True
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_address(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def _refuse(event: str, host: object) -> None:
    raise OutsideLoopback(f"{event}: tests may talk to loopback only, not to {host!r}")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _ADDRESS_EVENTS:
        address = arguments[_ADDRESS_EVENTS[event]]
        # A unix socket's address is a path; None is a connected socket.
        if isinstance(address, tuple) and not is_local(address[0]):
            _refuse(event, address[0])
    elif event in _NAME_EVENTS:
        host = arguments[0]
        if is_local(host) or _is_address(host):
            return  # reading an address asks nobody
        if str(host).endswith(_NO_SUCH_NAMES):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        _refuse(event, host)


def _watch_psycopg2() -> None:
    try:
        import psycopg2
        import psycopg2.extensions
    except ImportError:
        return
    connect = psycopg2._connect  # the one door to libpq that psycopg2.connect uses

    def guarded(dsn: str, *arguments: Any, **options: Any) -> Any:
        parts = psycopg2.extensions.parse_dsn(dsn)
        host = parts.get("hostaddr") or parts.get("host") or ""
        if not host.startswith("/") and not is_local(host):
            _refuse("psycopg2.connect", host)
        return connect(dsn, *arguments, **options)

    psycopg2._connect = guarded


def install(allowed: Iterable[str] = ()) -> None:
    """Install the guard once for this process; it cannot be taken off again.

    `allowed` names hosts beyond loopback, for tests that a person starts against a real system.
    """
    for host in allowed:
        _allowed.update({host, *(str(answer[4][0]) for answer in socket.getaddrinfo(host, None))})
    if not getattr(sys, "_loopback_only", False):
        sys._loopback_only = True  # type: ignore[attr-defined]
        sys.addaudithook(_audit)
        _watch_psycopg2()


def python_path() -> str:
    """PYTHONPATH for children: this folder's sitecustomize installs the guard there."""
    here = str(Path(__file__).parent)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return os.pathsep.join([here, *(path for path in paths if path != here)])
