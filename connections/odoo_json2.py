"""JSON-2, the protocol that stays when /jsonrpc goes: `POST /json/2/<model>/<method>`, an API key,
named arguments, HTTP statuses. Settings flow in; results flow out.

The key says who calls, so there is no login to lose; the header X-Odoo-Database says where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.request import Request

from connections.errors import OdooLoginError, OdooUnreachable
from connections.odoo_outcomes import translated
from connections.odoo_transport import Address, encoded, exact, make_opener

# What Odoo calls the arguments that our calls give by position. A method that is not here is one of
# records: its only argument is `ids`.
NAMES: Mapping[str, tuple[str, ...]] = {
    "create": ("vals_list",),
    "fields_get": ("allfields", "attributes"),
    "has_access": ("ids", "operation"),
    "load": ("fields", "data"),
    "read": ("ids", "fields"),
    "search": ("domain", "offset", "limit", "order"),
    "search_count": ("domain", "limit"),
    "search_read": ("domain", "fields", "offset", "limit", "order"),
    "write": ("ids", "vals"),
}
RECORDS = ("ids",)


class Json2:
    """Calls with one key. Raises urllib's errors, with Odoo's refusal in their bodies."""

    def __init__(self, address: Address, timeout: float) -> None:
        # Odoo takes the database from a session's cookie or from the header, not from both.
        self._opener = make_opener(address.host, keeps_cookies=False)
        self._base, self._timeout = address.base, timeout
        self._headers = {"Content-Type": "application/json"}
        self._uid = 0
        asked = self._post("/web/webclient/version_info", {"jsonrpc": "2.0", "params": {}})
        self._version = str(exact(asked)["result"]["server_version"])

    def login(self, database: str, key: str) -> None:
        """Ask who the key's user is. Raises OdooLoginError, which says what to check."""
        fix = "check ODOO_API_KEY and ODOO_DB (a password is no key; keys of ordinary users expire)"
        self._headers["Authorization"] = f"bearer {key}"
        if database:
            self._headers["X-Odoo-Database"] = database
        try:
            with translated("res.users.context_get"):
                self._uid = int(self.call("res.users", "context_get", [], {})["uid"])
        except OdooLoginError:
            raise OdooLoginError(f"Odoo refuses the API key: {fix}") from None
        except OdooUnreachable as error:
            if error.name != "HTTP 404":
                raise
            where = f"no database {database!r}" if database else "several databases"
            raise OdooLoginError(f"Odoo has {where}, or not its module rpc: {fix}") from None

    @property
    def version(self) -> str:
        return self._version

    @property
    def uid(self) -> int:
        return self._uid

    def call(self, model: str, method: str, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        return self.result(self.ask(model, method, {**_named(method, args), **named}))

    def ask(self, model: str, method: str, named: Mapping[str, Any]) -> bytes:
        return self._post(f"/json/2/{model}/{method}", named)

    def result(self, body: bytes) -> Any:
        return exact(body)

    def _post(self, path: str, content: Mapping[str, Any]) -> bytes:
        # address_of let only http and https through.
        request = Request(  # noqa: S310
            self._base + path, data=encoded(content), headers=self._headers
        )
        with self._opener.open(request, timeout=self._timeout) as response:
            answer: bytes = response.read()
        return answer


def _named(method: str, args: Sequence[Any]) -> dict[str, Any]:
    names = NAMES.get(method, RECORDS)
    if len(args) > len(names):
        raise TypeError(f"{method} takes {', '.join(names)} by position: name the others")
    return dict(zip(names, args, strict=False))
