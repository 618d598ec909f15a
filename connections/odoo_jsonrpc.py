"""JSON-RPC through odoorpc: login and password in every call. Settings flow in; results flow out.

odoorpc 0.10.1 does the session and the protocol. Two things are ours: the JSON decoder (odoorpc's
makes binary floats) and no logging of what is sent.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.request import Request

import odoorpc
import odoorpc.error
from odoorpc.rpc.jsonrpclib import ProxyJSON

from connections.errors import OdooLoginError
from connections.odoo_transport import Address, encoded, exact, make_opener

# At DEBUG odoorpc logs the positional arguments of each call, and the password is one of them.
logging.getLogger("odoorpc").setLevel(logging.INFO)


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
        request = Request(  # noqa: S310 (address_of let only http and https through)
            self._get_full_url(url.lstrip("/")),
            data=encoded(body),
            headers={"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=self._timeout) as response:
            answer = response.read()
        return {"result": answer} if getattr(self._mode, "is_undecoded", False) else decode(answer)


def decode(body: bytes) -> dict[str, Any]:
    """An answer of Odoo, its numbers as int or Decimal. Raises ValueError where it is none."""
    answer = exact(body)
    # A method that returns None answers without a result, so its absence proves nothing.
    if not isinstance(answer, dict) or "jsonrpc" not in answer:
        raise ValueError("not JSON-RPC")
    return answer


class JsonRpc:
    """A session of odoorpc. Raises odoorpc's errors and urllib's."""

    def __init__(self, address: Address, timeout: float) -> None:
        opener = make_opener(address.host)
        protocol = "jsonrpc+ssl" if address.is_tls else "jsonrpc"
        self._client = odoorpc.ODOO(
            address.host, protocol, address.port, timeout=timeout, opener=opener
        )
        self._proxy = ExactProxy(
            address.host, address.port, timeout, ssl=address.is_tls, opener=opener
        )
        self._client._connector._proxy_json = self._proxy

    def login(self, database: str, user: str, password: str) -> None:
        """Raises OdooLoginError, which says what to check."""
        fix = "check ODOO_DB, ODOO_USER and ODOO_PASSWORD (an API key of scope rpc works)"
        try:
            self._client.login(database, user, password)
        except odoorpc.error.RPCError as error:
            if not error.info:
                raise OdooLoginError(
                    f"Odoo refuses the login of {user!r} on database {database!r}: {fix}"
                ) from None
            if "does not exist" in str(error) and "database" in str(error):
                raise OdooLoginError(f"Odoo has no database {database!r}: {fix}") from None
            raise

    @property
    def version(self) -> str:
        return str(self._client.version)

    @property
    def uid(self) -> int:
        return int(self._client.env.uid)

    def call(self, model: str, method: str, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        return self._client.execute_kw(model, method, list(args), dict(named))

    def ask(self, model: str, method: str, named: Mapping[str, Any]) -> bytes:
        with self._proxy.undecoded():
            answer: bytes = self.call(model, method, [], named)
        return answer

    def result(self, body: bytes) -> Any:
        answer = decode(body)
        if answer.get("error"):
            raise odoorpc.error.RPCError(answer["error"]["data"]["message"], answer["error"])
        return answer["result"]
