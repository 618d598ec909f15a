"""The HTTP server: JSON-RPC and JSON-2, calls in threads so that clients do not wait.

Flows in: requests. Flows out: HTTP 200 with `result` or `error`, in JSON-2 a status. A client that
goes away does not stop its call: it runs to its commit, as in a real Odoo.
"""

from __future__ import annotations

import datetime
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.odoo_standin import json2
from sandbox.odoo_standin.builds import DEFAULT
from sandbox.odoo_standin.database import Database
from sandbox.odoo_standin.errors import OdooError, as_json_rpc
from sandbox.odoo_standin.registry import load_registry
from sandbox.odoo_standin.rpc import VERSION, Services
from sandbox.odoo_standin.seed import prepare

_START_TIMEOUT_SECONDS = 30
_NOT_FOUND = "<!doctype html><title>404 Not Found</title>"
logger = logging.getLogger("odoo_standin")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not travel as JSON")


def build_app(services: Services) -> Starlette:
    """Build the ASGI application over the given services."""

    async def version_info(request: Request) -> Response:
        body = json.loads(await request.body() or b"{}")
        return _reply(body.get("id"), "result", VERSION)

    async def json_rpc(request: Request) -> Response:
        body = json.loads(await request.body())
        return await run_in_threadpool(_answer, services, body)

    async def json_2(request: Request) -> Response:
        if request.method != "POST":
            return Response(_NOT_FOUND, 404, media_type="text/html; charset=utf-8")
        body = await request.body()
        return await run_in_threadpool(_answer_json_2, services, request, body)

    return Starlette(
        routes=[
            Route("/json/2/{model}/{method}", json_2, methods=["GET", "POST"]),
            Route("/web/webclient/version_info", version_info, methods=["POST"]),
            Route("/jsonrpc", json_rpc, methods=["POST"]),
        ]
    )


def _answer(services: Services, body: dict[str, Any]) -> Response:
    params = body.get("params") or {}
    try:
        result = services.call(params["service"], params["method"], params.get("args") or [])
        return _reply(body.get("id"), "result", result)
    except Exception as error:  # the outermost boundary: every error travels
        if not isinstance(error, OdooError):
            logger.debug("call failed", exc_info=True)
        return _reply(body.get("id"), "error", as_json_rpc(error))


def _answer_json_2(services: Services, request: Request, body: bytes) -> Response:
    model, method = request.path_params["model"], request.path_params["method"]
    try:
        return _json(200, json2.call(services, model, method, request.headers, body))
    except json2.NoSuchAddress:
        return Response(_NOT_FOUND, 404, media_type="text/html; charset=utf-8")
    except Exception as error:  # the outermost boundary: every error travels
        if not isinstance(error, OdooError):
            logger.debug("call failed", exc_info=True)
        return _json(*json2.refusal(error))


def _json(status: int, content: Any) -> Response:
    text = json.dumps(content, default=_plain)
    return Response(text, status, media_type="application/json; charset=utf-8")


def _reply(request_id: Any, key: str, value: Any) -> Response:
    return _json(200, {"jsonrpc": "2.0", "id": request_id, key: value})


class Running:
    """A server in a thread of this process."""

    def __init__(self, dsn: str, port: int, community: bool, build: str = DEFAULT) -> None:
        self.database = Database(dsn)
        app = build_app(Services(self.database, load_registry(community, build)))
        self._socket = socket.create_server(("127.0.0.1", port))
        self.host, self.port = "127.0.0.1", int(self._socket.getsockname()[1])
        config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_keep_alive=5)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="odoo-standin", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError(f"the Odoo stand-in does not start on port {self.port}")
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self.database.close()

    def wait(self) -> None:
        """Serve until the thread ends."""
        while self._thread.is_alive():
            self._thread.join(timeout=1)


@contextmanager
def running(
    dsn: str,
    port: int = 0,
    community: bool = False,
    init: bool = True,
    empty: bool = False,
    build: str = DEFAULT,
) -> Iterator[Running]:
    """Run a stand-in on a database in a thread; port 0 lets the kernel pick.

    `init` creates tables and seeds a database that is new; `empty` leaves out what the old
    importer left (taxes, company and users are always there). `build`: see builds.py.
    """
    if init:
        prepare(dsn, community=community, empty=empty)
    server = Running(dsn, port, community, build)
    server.start()
    try:
        yield server
    finally:
        server.stop()
