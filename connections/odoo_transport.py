"""The HTTP of odoorpc, with our decoder. Parameters flow in; exact JSON flows out."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from http.cookiejar import CookieJar
from typing import Any
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from odoorpc.rpc.jsonrpclib import ProxyJSON

from connections.errors import OdooUnreachable

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class ExactProxy(ProxyJSON):  # type: ignore[misc]
    """odoorpc's JSON proxy with a decoder that keeps the digits of a number, and without its
    logging.

    Inside `undecoded()` the result of a call is the body of the answer as it came.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._mode = threading.local()

    @contextmanager
    def undecoded(self) -> Iterator[None]:
        """For the calls of this thread."""
        self._mode.is_undecoded = True
        try:
            yield
        finally:
            self._mode.is_undecoded = False

    def __call__(self, url: str, params: Mapping[str, Any] | None = None) -> Any:
        body = {
            "jsonrpc": "2.0",
            "method": "call",
            "params": params or {},
            "id": random.getrandbits(30),
        }
        request = Request(
            self._get_full_url(url.lstrip("/")),
            data=json.dumps(body, default=_encode).encode(),
            headers={"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=self._timeout) as response:
            answer = response.read()
        return {"result": answer} if getattr(self._mode, "is_undecoded", False) else decode(answer)


def decode(body: bytes) -> dict[str, Any]:
    """An answer of Odoo, its numbers as int or Decimal. Raises ValueError where it is none."""
    answer = json.loads(body, parse_float=Decimal, parse_constant=Decimal)
    # A method that returns None answers without a result, so its absence proves nothing.
    if not isinstance(answer, dict) or "jsonrpc" not in answer:
        raise ValueError("not JSON-RPC")
    return answer


class NoRedirect(HTTPRedirectHandler):
    """A redirected login would be sent again to wherever the answer points: stop instead and name
    the address.
    """

    def redirect_request(self, *args: Any) -> None:
        raise OdooUnreachable(
            f"ODOO_URL answers with a redirect to {args[-1]}: set ODOO_URL to the final address"
        )


def make_opener(host: str) -> OpenerDirector:
    # A proxy from the environment would take loopback calls away from this machine.
    direct = [ProxyHandler({})] if host in LOOPBACK else []
    return build_opener(HTTPCookieProcessor(CookieJar()), NoRedirect(), *direct)


def _encode(value: object) -> str:
    """Decimals leave as strings, which Odoo's load() and domains take; anything else is a mistake
    of ours.
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"cannot send a {type(value).__name__} to Odoo")
