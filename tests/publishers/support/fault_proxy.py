"""A TCP proxy between publisher and Odoo that breaks the requests that it is told to break.

In: the address of an Odoo, and a plan: for which request (load() calls and the read-back of lines,
counted from one) which fault. Out: the faults that a network, a proxy before Odoo, or Odoo's own
database makes.
"""

import contextlib
import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_LOAD = re.compile(rb'"load"|/load HTTP')
_READ_BACK = re.compile(
    rb'"account\.move\.line", "search_read"|/account\.move\.line/search_read HTTP'
)
HTML = b"<html><body>Please log in</body></html>"
LOST_RACE = {
    "ids": False,
    "messages": [
        {
            "type": "error",
            "message": "could not serialize access due to concurrent update",
            "rows": {"from": 0, "to": 0},
            "record": 0,
        }
    ],
    "nextrow": 0,
}
DATABASE_GONE = {
    "code": 0,
    "message": "Odoo Server Error",
    "data": {
        "name": "psycopg2.InterfaceError",
        "message": "connection already closed",
        "arguments": ["connection already closed"],
        "context": {},
        "debug": "",
    },
}
# `before`: Odoo never sees the request. `after`: Odoo commits, and the answer does not arrive.
FAULTS = (
    "reset_before",
    "reset_after",
    "502_before",
    "502_after",
    "429_before",
    "html_before",
    "html_after",
    "truncated_after",
    "silence_before",
    "silence_after",
    "lost_race",
    "database_gone_before",
    "database_gone_after",
    "kill_before",
    "kill_in_request",
    "kill_after",
)


@dataclass
class FaultProxy:
    """Listens on loopback; `kill` ends the publisher that made the request at hand."""

    upstream: tuple[str, int]
    plan: Mapping[int, str] = field(default_factory=dict)
    kill: Callable[[], None] = lambda: None
    silence_seconds: float = 1.0
    injected: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._requests = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """What the publisher takes for Odoo."""
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def break_with(self, plan: Mapping[int, str], kill: Callable[[], None]) -> None:
        """A new plan; requests count from one again."""
        with self._lock:
            self.plan, self.kill, self._requests = plan, kill, 0

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(client,), daemon=True).start()

    def _handle(self, client: socket.socket) -> None:
        # The publisher may be dead, or Odoo's database: then there is nobody to tell.
        with client, contextlib.suppress(OSError):
            request = _read_message(client)
            if not request:
                return
            fault = self._fault_of(request)
            if fault is None:
                client.sendall(self._ask(request))
            else:
                self._break(client, request, fault)

    def _fault_of(self, request: bytes) -> str | None:
        is_read_back = _READ_BACK.search(request) is not None
        if not (is_read_back or _LOAD.search(request)):
            return None
        with self._lock:
            self._requests += 1
            fault = self.plan.get(self._requests)
            if fault is None or (is_read_back and fault == "lost_race"):
                return None
            self.injected[f"{fault} (read-back)" if is_read_back else fault] += 1
            return fault

    def _ask(self, request: bytes) -> bytes:
        with socket.create_connection(self.upstream) as odoo:
            odoo.sendall(request)
            return _read_message(odoo)

    def _break(self, client: socket.socket, request: bytes, fault: str) -> None:
        what, _, when = fault.rpartition("_")
        if fault == "kill_in_request":
            # Odoo has the whole request and works on it when its client dies.
            with socket.create_connection(self.upstream) as odoo:
                odoo.sendall(request)
                self.kill()
                _read_message(odoo)
            return
        answer = self._ask(request) if when == "after" else b""
        if what == "kill":
            self.kill()
        elif what == "reset":
            _reset(client)
        elif what == "truncated":
            client.sendall(answer[: max(len(answer) - 8, 1)])
        elif what == "silence":
            threading.Event().wait(self.silence_seconds)
        else:
            client.sendall(_instead(fault, what, is_json2=b" /json/2/" in request[:200]))


def _instead(fault: str, what: str, *, is_json2: bool) -> bytes:
    if is_json2 and fault == "lost_race":
        return _response(200, json.dumps(LOST_RACE).encode())
    if is_json2 and what == "database_gone":
        return _response(500, json.dumps(DATABASE_GONE["data"]).encode())
    if fault == "lost_race":
        return _response(200, json.dumps(_rpc(result=LOST_RACE)).encode())
    if what == "database_gone":
        return _response(200, json.dumps(_rpc(error=DATABASE_GONE)).encode())
    if what == "html":
        return _response(200, HTML)
    return _response(int(what), b"busy")


def _rpc(**content: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, **content}


def _response(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def _reset(client: socket.socket) -> None:
    """Close with RST and not with FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def _read_message(connection: socket.socket) -> bytes:
    """One HTTP message with its body; what came, where the other side closed early."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return received
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = _content_length(head)
    while length is None or len(body) < length:
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return head + b"\r\n\r\n" + body


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return None
