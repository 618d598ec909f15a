"""The Odoo port over real HTTP: exact numbers, explicit company, and every failure told by its
outcome.

The server here speaks just enough JSON-RPC to fail in the ways that were measured on a real Odoo
19.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connections import (
    OdooAccessError,
    OdooError,
    OdooLoginError,
    OdooModelMissing,
    OdooPermanentError,
    OdooUnknownOutcome,
    OdooUnreachable,
    OdooVersionError,
    Settings,
    SettingsError,
    load_settings,
)
from connections.odoo import OdooPort

PASSWORD = "hunter2-hunter2"

Answer = Callable[[BaseHTTPRequestHandler], None]


def body(text: str, status: int = 200) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


def result(text: str) -> Answer:
    return body('{"jsonrpc": "2.0", "id": 1, "result": ' + text + "}")


def rpc_error(name: str, message: str = "no") -> Answer:
    data = {"name": name, "message": message, "arguments": [], "context": {}, "debug": ""}
    error = {"code": 0, "message": "Odoo Server Error", "data": data}
    return body(json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}))


def close(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def truncated(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b'{"jsonrpc": "2.0", "result": ')


class FakeOdoo:
    """`answer` serves the next object calls; version and login have answers of their own."""

    def __init__(self) -> None:
        self.version: Answer = result('{"server_version": "19.0+e-20251227"}')
        self.login: Answer = result("7")
        self.answer: Answer = result("[]")
        self.calls: list[dict[str, Any]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                fake.serve(self, json.loads(raw)["params"])

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        serve = partial(self.server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()

    def serve(self, handler: BaseHTTPRequestHandler, params: dict[str, Any]) -> None:
        if handler.path == "/web/webclient/version_info":
            self.version(handler)
        elif params["service"] == "common":
            self.login(handler)
        elif params["method"] == "execute":
            result('{"lang": "en_US", "tz": "UTC"}')(handler)
        else:
            self.calls.append(params)
            self.answer(handler)


@pytest.fixture
def fake() -> Iterator[FakeOdoo]:
    fake = FakeOdoo()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture
def settings(fake: FakeOdoo, tmp_path: Path) -> Settings:
    return load_settings(
        billing_home=tmp_path,
        odoo_url=fake.url,
        odoo_db="odoo",
        odoo_user="billing",
        odoo_password=PASSWORD,
        odoo_timeout_seconds=5,
    )


@pytest.fixture
def port(settings: Settings) -> OdooPort:
    return OdooPort.connect(settings)


def test_a_number_arrives_with_the_digits_that_odoo_wrote(port: OdooPort, fake: FakeOdoo) -> None:
    fake.answer = result('[{"id": 1, "a": 0.1, "b": 1234567890123.123456789, "c": 1e-7, "d": 3}]')
    (record,) = port.search_read("account.move", [], ["a"])
    assert record == {
        "id": 1,
        "a": Decimal("0.1"),
        "b": Decimal("1234567890123.123456789"),
        "c": Decimal("0.0000001"),
        "d": 3,
    }
    assert not any(isinstance(value, float) for value in record.values())


def test_every_call_names_its_company(port: OdooPort, fake: FakeOdoo) -> None:
    port.search_read("res.partner", [], ["name"], context={"active_test": False})
    context = fake.calls[0]["args"][6]["context"]
    assert context == {"allowed_company_ids": [1], "tz": "UTC", "active_test": False}


def test_a_decimal_leaves_as_its_digits(port: OdooPort, fake: FakeOdoo) -> None:
    fake.answer = result('{"ids": [1], "messages": []}')
    port.load("account.move", ["amount"], [[Decimal("9.17")]])
    assert fake.calls[0]["args"][5][1] == [["9.17"]]


OUTCOMES: dict[str, tuple[Answer, type[OdooError], bool]] = {
    "429": (body("slow down", 429), OdooUnknownOutcome, True),
    "502": (body("bad gateway", 502), OdooUnknownOutcome, True),
    "504": (body("timeout", 504), OdooUnknownOutcome, True),
    "404": (body("nothing here", 404), OdooUnreachable, True),
    "html": (body("<html>maintenance</html>"), OdooUnknownOutcome, True),
    "other json": (body('{"hello": 1}'), OdooUnknownOutcome, True),
    "closed": (close, OdooUnknownOutcome, True),
    "truncated": (truncated, OdooUnknownOutcome, True),
    "database down": (rpc_error("psycopg2.OperationalError"), OdooUnknownOutcome, True),
    "database gone": (rpc_error("psycopg2.InterfaceError"), OdooUnknownOutcome, True),
    "race": (
        rpc_error(
            "odoo.exceptions.UserError", "could not serialize access due to concurrent update"
        ),
        OdooUnknownOutcome,
        True,
    ),
    "access": (rpc_error("odoo.exceptions.AccessError"), OdooAccessError, False),
    "validation": (rpc_error("odoo.exceptions.ValidationError"), OdooPermanentError, False),
    "user": (rpc_error("odoo.exceptions.UserError"), OdooPermanentError, False),
    "missing record": (rpc_error("odoo.exceptions.MissingError"), OdooPermanentError, False),
    "field": (rpc_error("builtins.ValueError", "Invalid field 'x'"), OdooPermanentError, False),
    "method": (rpc_error("builtins.AttributeError"), OdooPermanentError, False),
    "model": (
        rpc_error("odoo.exceptions.UserError", "Object sale.subscription.plan doesn't exist"),
        OdooModelMissing,
        False,
    ),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_failure_is_told_by_its_outcome(port: OdooPort, fake: FakeOdoo, name: str) -> None:
    fake.answer, kind, is_retryable = OUTCOMES[name]
    with pytest.raises(kind) as error:
        port.search("res.partner", [])
    assert type(error.value) is kind
    assert error.value.is_retryable is is_retryable
    assert "res.partner.search" in str(error.value)
    assert PASSWORD not in str(error.value)


def test_a_timeout_is_an_unknown_outcome(settings: Settings, fake: FakeOdoo) -> None:
    quick = settings.model_copy(update={"odoo_timeout_seconds": 0.3})
    port = OdooPort.connect(quick)
    held = threading.Event()
    fake.answer = lambda _: bool(held.wait(5)) and None
    try:
        with pytest.raises(OdooUnknownOutcome, match="TimeoutError"):
            port.search("res.partner", [])
    finally:
        held.set()


def test_a_refused_connection_is_unreachable(settings: Settings, fake: FakeOdoo) -> None:
    fake.server.shutdown()
    fake.server.server_close()
    with pytest.raises(OdooUnreachable, match="check ODOO_URL"):
        OdooPort.connect(settings)


def test_another_version_is_refused(settings: Settings, fake: FakeOdoo) -> None:
    fake.version = result('{"server_version": "18.0"}')
    with pytest.raises(OdooVersionError, match=r"version 18\.0.*Odoo 19"):
        OdooPort.connect(settings)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (result("false"), "refuses the login of 'billing'"),
        (rpc_error("odoo.exceptions.AccessDenied", "Access Denied"), "Access Denied"),
        (
            rpc_error("psycopg2.OperationalError", 'FATAL:  database "odoo" does not exist'),
            "Odoo has no database 'odoo'",
        ),
    ],
    ids=["wrong password", "denied", "wrong database"],
)
def test_a_login_that_fails_names_what_to_check(
    settings: Settings, fake: FakeOdoo, answer: Answer, message: str
) -> None:
    fake.login = answer
    with pytest.raises(OdooLoginError, match=message) as error:
        OdooPort.connect(settings)
    assert PASSWORD not in str(error.value)


def test_a_redirect_is_not_followed_with_the_password(settings: Settings, fake: FakeOdoo) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "https://elsewhere.example.com/jsonrpc")
        handler.end_headers()

    fake.login = redirect
    with pytest.raises(OdooUnreachable, match=r"redirect to https://elsewhere\.example\.com"):
        OdooPort.connect(settings)


@pytest.mark.parametrize("url", ["odoo.example.com", "ftp://x", "http://u:p@x", "http://x/odoo"])
def test_an_address_that_cannot_work_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(SettingsError, match="ODOO_URL must look like"):
        OdooPort.connect(settings.model_copy(update={"odoo_url": url}))


def test_the_password_reaches_no_log_not_even_at_debug(
    settings: Settings, fake: FakeOdoo, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.answer = rpc_error("odoo.exceptions.AccessError")
    port = OdooPort.connect(settings)
    with pytest.raises(OdooAccessError):
        port.search("res.partner", [])
    assert PASSWORD not in caplog.text


def test_the_publisher_may_be_another_user(settings: Settings, fake: FakeOdoo) -> None:
    publisher = load_settings(
        **settings.model_dump()
        | {"odoo_publish_user": "publisher", "odoo_publish_password": "other"}
    )
    OdooPort.connect(publisher, publish=True).search("res.partner", [])
    OdooPort.connect(publisher).search("res.partner", [])
    assert [call["args"][2] for call in fake.calls] == ["other", PASSWORD]
