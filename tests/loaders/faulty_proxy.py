"""A real HTTP proxy before the stand-in that fails when it is told to. Requests in, answers or
faults out.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Gets the JSON params of a request; returns an HTTP status to fail with, 0 to cut the line, None to
# pass.
Fault = Callable[[dict[str, Any]], int | None]


class FaultyProxy:
    """Forwards to `target`; `calls` remembers (model, method, args) of what came in."""

    def __init__(self, target: str) -> None:
        self.fault: Fault = lambda _: None
        self.calls: list[tuple[str, str, Any]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = proxy.meet(_params(self.path, json.loads(body)))
                if status == 0:
                    self.close_connection = True
                    return
                answer = b"<html>no</html>"
                if not status:
                    status, answer = _forward(target + self.path, body, self.headers)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        serve = partial(self._server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()

    def meet(self, params: dict[str, Any]) -> int | None:
        if params.get("method") == "execute_kw":
            _, _, _, model, method, *rest = params["args"]
            self.calls.append((model, method, rest))
        return self.fault(params)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _params(path: str, content: dict[str, Any]) -> dict[str, Any]:
    """What JSON-RPC would send for a request of either protocol."""
    if not path.startswith("/json/2/"):
        return dict(content.get("params") or {})
    model, method = path.split("/")[-2:]
    return {
        "service": "object",
        "method": "execute_kw",
        "args": ["", 0, "", model, method, [], content],
    }


def _forward(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    kept = {name: value for name, value in headers.items() if name not in ("Host", "Connection")}
    request = urllib.request.Request(url, data=body, headers=kept)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return 200, response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
