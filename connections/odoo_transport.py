"""What the two ways to Odoo share: the address, the HTTP around a call, and numbers as they are
sent and read. Settings flow in; an opener and exact JSON flow out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from http.cookiejar import CookieJar
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    OpenerDirector,
    ProxyHandler,
    build_opener,
)

from connections.errors import OdooUnreachable, SettingsError

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Transport(Protocol):
    """One logged-in way of calling methods; what fails is told apart by odoo_outcomes."""

    @property
    def version(self) -> str: ...

    @property
    def uid(self) -> int: ...

    def call(self, model: str, method: str, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """The method's result, numbers as int or Decimal."""

    def ask(self, model: str, method: str, named: Mapping[str, Any]) -> bytes:
        """The answer as it came, for `result` to decode."""

    def result(self, body: bytes) -> Any:
        """What an answer says; raises where it is a refusal, or no answer of Odoo."""


@dataclass(frozen=True)
class Address:
    """Where Odoo listens."""

    host: str
    port: int
    is_tls: bool

    @property
    def base(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.is_tls else ''}://{host}:{self.port}"


def address_of(odoo_url: str) -> Address:
    """ODOO_URL, taken apart. Raises SettingsError for one that cannot work."""
    url = urlsplit(odoo_url)
    is_http = url.scheme in ("http", "https") and url.hostname
    if not is_http or url.path.strip("/") or url.username:
        raise SettingsError(
            "ODOO_URL must look like https://odoo.example.com or http://127.0.0.1:8069"
        )
    is_tls = url.scheme == "https"
    return Address(str(url.hostname), url.port or (443 if is_tls else 80), is_tls)


class NoRedirect(HTTPRedirectHandler):
    """A redirected login would be sent again to wherever the answer points: stop instead and name
    the address.
    """

    def redirect_request(self, *args: Any) -> None:
        raise OdooUnreachable(
            f"ODOO_URL answers with a redirect to {args[-1]}: set ODOO_URL to the final address"
        )


def make_opener(host: str, *, keeps_cookies: bool = True) -> OpenerDirector:
    # A proxy from the environment would take loopback calls away from this machine.
    direct = [ProxyHandler({})] if host in LOOPBACK else []
    cookies = [HTTPCookieProcessor(CookieJar())] if keeps_cookies else []
    return build_opener(NoRedirect(), *cookies, *direct)


def encoded(content: object) -> bytes:
    """JSON, Decimals as their digits, which Odoo's load() and domains take."""
    return json.dumps(content, default=_encode).encode()


def exact(body: bytes) -> Any:
    """JSON with its numbers as int or Decimal. Raises ValueError where it is none."""
    return json.loads(body, parse_float=Decimal, parse_constant=Decimal)


def _encode(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"cannot send a {type(value).__name__} to Odoo")
