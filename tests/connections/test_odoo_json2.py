"""The port over JSON-2: named arguments, a key that nobody sees, and failures that are judged as
they are over JSON-RPC, whatever status they come with.

The server here answers with the statuses and bodies that were recorded on a real Odoo 19.
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

KEY = "0123456789abcdef-a-key"
PUBLISHER = "fedcba9876543210-another"

Answer = Callable[[BaseHTTPRequestHandler], None]


def body(text: str, status: int = 200) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


def refusal(status: int, name: str, message: str = "no") -> Answer:
    said = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": ""}
    return body(json.dumps(said), status)


def truncated(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b'[{"id": 1')


def close(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


class FakeOdoo:
    """`answer` serves the next calls; version and `context_get` have answers of their own."""

    def __init__(self) -> None:
        self.version = body('{"jsonrpc": "2.0", "result": {"server_version": "19.0"}}')
        self.me: Answer = body('{"lang": "en_US", "tz": false, "uid": 7}')
        self.answer: Answer = body("[]")
        self.calls: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/web/webclient/version_info":
                    fake.version(self)
                elif self.path == "/json/2/res.users/context_get":
                    fake.me(self)
                else:
                    fake.calls.append((self.path, raw, dict(self.headers)))
                    fake.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        serve = partial(self.server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()


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
        odoo_api="json2",
        odoo_api_key=KEY,
        odoo_publish_api_key=PUBLISHER,
        odoo_timeout_seconds=5,
    )


@pytest.fixture
def port(settings: Settings) -> OdooPort:
    return OdooPort.connect(settings)


def test_the_key_says_who_calls_and_a_header_where(port: OdooPort, fake: FakeOdoo) -> None:
    assert (port.version, port.uid) == ("19.0", 7)
    port.search("res.partner", [("id", ">", 0)], limit=3)
    [(path, content, headers)] = fake.calls
    assert path == "/json/2/res.partner/search"
    assert headers["Authorization"] == f"bearer {KEY}"
    assert headers["X-Odoo-Database"] == "odoo"
    assert "Cookie" not in headers
    assert content == {
        "domain": [["id", ">", 0]],
        "order": None,
        "limit": 3,
        "context": {"allowed_company_ids": [1], "tz": "UTC"},
    }


@pytest.mark.parametrize(
    ("method", "args", "named"),
    [
        ("read", ([1], ["name"]), {"ids": [1], "fields": ["name"]}),
        ("write", ([1], {"a": "b"}), {"ids": [1], "vals": {"a": "b"}}),
        ("create", ([{"a": "b"}],), {"vals_list": [{"a": "b"}]}),
        ("unlink", ([1],), {"ids": [1]}),
        ("get_external_id", ([1],), {"ids": [1]}),
        ("action_post", ([1],), {"ids": [1]}),
        ("has_access", ([], "create"), {"ids": [], "operation": "create"}),
        ("search_count", ([],), {"domain": []}),
        ("load", (["id"], [["x"]]), {"fields": ["id"], "data": [["x"]]}),
    ],
)
def test_arguments_travel_by_the_names_that_odoo_gives_them(
    port: OdooPort, fake: FakeOdoo, method: str, args: Any, named: dict[str, Any]
) -> None:
    port.execute("res.partner", method, *args)
    [(_, content, _)] = fake.calls
    assert content.pop("context")["tz"] == "UTC"
    assert content == named


def test_an_argument_without_a_name_is_our_mistake_and_not_sent(
    port: OdooPort, fake: FakeOdoo
) -> None:
    with pytest.raises(TypeError, match="name the others"):
        port.execute("account.move", "js_assign_outstanding_line", [1], 2)
    assert not fake.calls


def test_numbers_keep_their_digits_both_ways(port: OdooPort, fake: FakeOdoo) -> None:
    fake.answer = body('[{"id": 1, "a": 0.1, "b": 1234567890123.123456789}]')
    (record,) = port.search_read("account.move", [], ["a"])
    assert record == {"id": 1, "a": Decimal("0.1"), "b": Decimal("1234567890123.123456789")}
    fake.answer = body('{"ids": [1], "messages": []}')
    port.load("account.move", ["amount"], [[Decimal("9.17")]])
    assert fake.calls[-1][1]["data"] == [["9.17"]]


OUTCOMES: dict[str, tuple[Answer, type[OdooError]]] = {
    "429 of a proxy": (body("slow down", 429), OdooUnknownOutcome),
    "502 of a proxy": (body("bad gateway", 502), OdooUnknownOutcome),
    "503 of Odoo": (refusal(503, "werkzeug.exceptions.ServiceUnavailable"), OdooUnknownOutcome),
    "html": (body("<html>maintenance</html>"), OdooUnknownOutcome),
    "404 of a page": (body("<html>404</html>", 404), OdooUnreachable),
    "closed": (close, OdooUnknownOutcome),
    "truncated": (truncated, OdooUnknownOutcome),
    "key gone": (refusal(401, "werkzeug.exceptions.Unauthorized"), OdooLoginError),
    "access": (refusal(403, "odoo.exceptions.AccessError"), OdooAccessError),
    "missing record": (refusal(404, "odoo.exceptions.MissingError"), OdooPermanentError),
    "model": (
        refusal(404, "werkzeug.exceptions.NotFound", "the model 'no.model' does not exist"),
        OdooModelMissing,
    ),
    "method": (
        refusal(404, "werkzeug.exceptions.NotFound", "The method 'x.no' does not exist"),
        OdooPermanentError,
    ),
    "arguments": (refusal(422, "werkzeug.exceptions.UnprocessableEntity"), OdooPermanentError),
    "validation": (refusal(422, "odoo.exceptions.ValidationError"), OdooPermanentError),
    "user": (refusal(422, "odoo.exceptions.UserError"), OdooPermanentError),
    "field": (refusal(500, "builtins.ValueError", "Invalid field 'x'"), OdooPermanentError),
    "type": (refusal(500, "builtins.TypeError"), OdooPermanentError),
    "database down": (refusal(500, "psycopg2.OperationalError"), OdooUnknownOutcome),
    "database gone": (refusal(500, "psycopg2.InterfaceError"), OdooUnknownOutcome),
    "race": (
        refusal(500, "psycopg2.errors.SerializationFailure", "could not serialize access"),
        OdooUnknownOutcome,
    ),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_failure_is_judged_as_over_json_rpc(port: OdooPort, fake: FakeOdoo, name: str) -> None:
    fake.answer, kind = OUTCOMES[name]
    with pytest.raises(kind) as error:
        port.search("res.partner", [])
    assert type(error.value) is kind
    assert error.value.is_retryable is (kind in (OdooUnknownOutcome, OdooUnreachable))
    assert "res.partner.search" in str(error.value)
    assert KEY not in str(error.value)


def test_an_undecoded_page_fails_the_same_way(port: OdooPort, fake: FakeOdoo) -> None:
    fake.answer = refusal(403, "odoo.exceptions.AccessError")
    with pytest.raises(OdooAccessError):
        port.ask_records("res.partner", [], ["name"], order="id", limit=2, context={})
    fake.answer = body("<html>")
    answer = port.ask_records("res.partner", [], ["name"], order="id", limit=2, context={})
    with pytest.raises(OdooUnknownOutcome):
        answer.records()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refusal(401, "werkzeug.exceptions.Unauthorized"), "refuses the API key"),
        (body("<html>404</html>", 404), "no database 'odoo'"),
    ],
    ids=["key", "database"],
)
def test_a_login_that_fails_names_what_to_check(
    settings: Settings, fake: FakeOdoo, answer: Answer, message: str
) -> None:
    fake.me = answer
    with pytest.raises(OdooLoginError, match=f"{message}.*check ODOO_API_KEY") as error:
        OdooPort.connect(settings)
    assert KEY not in str(error.value)


def test_a_key_is_needed(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="ODOO_API=json2 needs ODOO_API_KEY"):
        OdooPort.connect(load_settings(**settings.model_dump() | {"odoo_api_key": ""}))


def test_another_version_is_refused_before_the_key_is_sent(
    settings: Settings, fake: FakeOdoo
) -> None:
    fake.version = body('{"jsonrpc": "2.0", "result": {"server_version": "20.0"}}')
    fake.me = body("", 500)
    with pytest.raises(OdooVersionError, match=r"version 20\.0"):
        OdooPort.connect(settings)


def test_the_publisher_has_a_key_of_its_own(settings: Settings, fake: FakeOdoo) -> None:
    OdooPort.connect(settings, publish=True).search("res.partner", [])
    alone = load_settings(**settings.model_dump() | {"odoo_publish_api_key": ""})
    OdooPort.connect(alone, publish=True).search("res.partner", [])
    sent = [headers["Authorization"] for _, _, headers in fake.calls]
    assert sent == [f"bearer {PUBLISHER}", f"bearer {KEY}"]


def test_nobody_writes_with_the_readers_key_under_another_name(settings: Settings) -> None:
    named = settings.model_dump() | {"odoo_publish_api_key": "", "odoo_publish_user": "publisher"}
    with pytest.raises(SettingsError, match="needs a key of publisher: set ODOO_PUBLISH_API_KEY"):
        OdooPort.connect(load_settings(**named), publish=True)
    named |= {"odoo_publish_user": "", "odoo_import_user": "importer"}
    with pytest.raises(SettingsError, match=r"needs a key of importer.*ODOO_IMPORT_API_KEY"):
        OdooPort.connect(load_settings(**named).as_importer(), publish=True)


def test_the_importer_has_a_key_of_its_own(settings: Settings, fake: FakeOdoo) -> None:
    own = load_settings(**settings.model_dump() | {"odoo_import_api_key": "the-importers"})
    OdooPort.connect(own.as_importer(), publish=True).search("res.partner", [])
    assert fake.calls[0][2]["Authorization"] == "bearer the-importers"


def test_a_key_follows_no_redirect(settings: Settings, fake: FakeOdoo) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "https://elsewhere.example.com/")
        handler.end_headers()

    fake.me = redirect
    with pytest.raises(OdooUnreachable, match=r"redirect to https://elsewhere\.example\.com"):
        OdooPort.connect(settings)


def test_the_key_reaches_no_log_not_even_at_debug(
    settings: Settings, fake: FakeOdoo, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.answer = refusal(403, "odoo.exceptions.AccessError")
    port = OdooPort.connect(settings)
    with pytest.raises(OdooAccessError):
        port.search("res.partner", [])
    assert KEY not in caplog.text
    assert KEY not in repr(settings)
