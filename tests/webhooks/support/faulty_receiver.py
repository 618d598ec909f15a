"""A real HTTP receiver that verifies like sandbox.receiver and misbehaves on command.

In: POSTs. Out: what the plan says for this request: an answer, a reset, a long silence, with the
event taken or not. It keeps what came over the wire and what took effect.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.receiver import PATH, SIGNATURE_HEADER, BadSignature, Inbox, verify


@dataclass(frozen=True)
class Act:
    """What to do with one request: take the event or not, then answer, break or be silent."""

    status: int | None = 200
    takes: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    silence: float = 0.0
    body: bytes = b"{}"
    drip: bool = False


OK = Act()
RESET_BEFORE = Act(status=None, takes=False)
RESET_AFTER = Act(status=None)


@dataclass
class Receiver:
    """The running server; `plan` is asked for every request that verified."""

    secrets: Sequence[str]
    clock: Callable[[], float]
    plan: Callable[[dict[str, Any]], Act] = lambda _event: OK
    inbox: Inbox = field(default_factory=Inbox)
    wire: list[dict[str, Any]] = field(default_factory=list)
    raw: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    refused: int = 0
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Receiver:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._server.receiver = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that went away is part of the test, not news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        return

    def do_POST(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.raw.append((dict(self.headers.items()), body))
        try:
            verify(self.headers.get(SIGNATURE_HEADER, ""), body, receiver.secrets, receiver.clock())
        except BadSignature:
            receiver.refused += 1
            self._answer(Act(status=401, takes=False))
            return
        event = json.loads(body)
        act = receiver.plan(event)
        receiver.wire.append(event)
        if act.takes:
            receiver.inbox.take(event)
        if act.silence:
            threading.Event().wait(act.silence)
        self._answer(act)

    def _answer(self, act: Act) -> None:
        if act.status is None:
            # A reset, not an orderly end: the sender cannot tell whether it arrived.
            option = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
            self.connection.shutdown(socket.SHUT_RD)
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(act.status)
        for name, value in act.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(act.body)))
        self.end_headers()
        if act.drip:
            for number in range(len(act.body)):
                self.wfile.write(act.body[number : number + 1])
                self.wfile.flush()
                threading.Event().wait(0.05)
        else:
            self.wfile.write(act.body)
