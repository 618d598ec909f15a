"""Odoo behind one small port. Settings flow in; records flow out as Odoo's JSON, numbers as exact
Decimals.

Two transports carry the calls: odoorpc's JSON-RPC, and JSON-2 (ODOO_API). What fails is one of the
classes of errors.py, by outcome, whichever carried it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections import odoo_users
from connections.errors import OdooVersionError, SettingsError
from connections.odoo_json2 import Json2
from connections.odoo_jsonrpc import JsonRpc
from connections.odoo_outcomes import translated
from connections.odoo_transport import Transport, address_of
from connections.settings import Settings

SUPPORTED_MAJOR = 19

Record = dict[str, Any]
Domain = Sequence[Any]


@dataclass(frozen=True)
class Answer:
    """Records as they came. Whether Odoo sent records or refused is found by decoding it."""

    body: bytes
    doing: str
    result: Callable[[bytes], list[Record]]

    def records(self) -> list[Record]:
        with translated(self.doing):
            return self.result(self.body)


class OdooPort:
    """The few calls that this project makes, in the company of the settings, with errors told apart
    by outcome.
    """

    def __init__(self, transport: Transport, company_id: int) -> None:
        self._transport = transport
        self._company_id = company_id

    @classmethod
    def connect(cls, settings: Settings, publish: bool = False) -> OdooPort:
        """Log in as the reader, or as the publisher. Raises OdooVersionError on anything but Odoo
        19.
        """
        if not settings.odoo_url:
            raise SettingsError("nothing configured for odoo: run `billing up` or set ODOO_URL")
        with translated(f"Odoo at {settings.odoo_url}"):
            transport = _json2 if settings.odoo_api == "json2" else _jsonrpc
            return cls(transport(settings, publish), settings.odoo_company_id)

    @property
    def version(self) -> str:
        return self._transport.version

    @property
    def uid(self) -> int:
        return self._transport.uid

    @property
    def company_id(self) -> int:
        return self._company_id

    def execute(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """`model.method(*args, **kwargs)` with the company context; a `context` given is laid over
        it.
        """
        named = {**kwargs, "context": self._context(kwargs.get("context"))}
        with translated(f"{model}.{method}"):
            return self._transport.call(model, method, args, named)

    def _context(self, more: Mapping[str, Any] | None) -> dict[str, Any]:
        return {"allowed_company_ids": [self._company_id], "tz": "UTC", **(more or {})}

    def fields_get(
        self,
        model: str,
        fields: Sequence[str] | None = None,
        attributes: Sequence[str] | None = None,
    ) -> dict[str, Record]:
        """Field name -> attributes; names that this Odoo does not have, or hides from this user,
        are absent.
        """
        answer: dict[str, Record] = self.execute(
            model,
            "fields_get",
            allfields=list(fields) if fields else [],
            attributes=list(attributes) if attributes else [],
        )
        return answer

    def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: str | None = None,
        limit: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> list[Record]:
        """Records with the named fields; `false` and [id, name] as Odoo sends them, numbers as int
        or Decimal.
        """
        records: list[Record] = self.execute(
            model,
            "search_read",
            domain=list(domain),
            fields=list(fields),
            order=order,
            limit=limit,
            context=context,
        )
        return records

    def ask_records(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: str,
        limit: int,
        context: Mapping[str, Any],
    ) -> Answer:
        """As search_read, with the answer left undecoded: one thread asks while another decodes."""
        named = {"domain": list(domain), "fields": list(fields), "order": order, "limit": limit}
        doing = f"{model}.search_read"
        with translated(doing):
            body = self._transport.ask(
                model, "search_read", {**named, "context": self._context(context)}
            )
        return Answer(body, doing, self._transport.result)

    def search(
        self,
        model: str,
        domain: Domain,
        *,
        order: str | None = None,
        limit: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> list[int]:
        ids: list[int] = self.execute(
            model, "search", list(domain), order=order, limit=limit, context=context
        )
        return ids

    def read(
        self,
        model: str,
        ids: Sequence[int],
        fields: Sequence[str],
        context: Mapping[str, Any] | None = None,
    ) -> list[Record]:
        """The records among `ids` that exist; Odoo leaves out the others without an error."""
        records: list[Record] = self.execute(
            model, "read", list(ids), list(fields), context=context
        )
        return records

    def load(
        self,
        model: str,
        fields: Sequence[str],
        rows: Sequence[Sequence[Any]],
        context: Mapping[str, Any] | None = None,
    ) -> Record:
        """Odoo's import call: {'ids': [...] or False, 'messages': [...]}. Row errors do not raise:
        read `ids`.
        """
        answer: Record = self.execute(
            model, "load", list(fields), [list(row) for row in rows], context=context
        )
        return answer


def connect(settings: Settings, publish: bool = False) -> OdooPort:
    return OdooPort.connect(settings, publish=publish)


def _jsonrpc(settings: Settings, publish: bool) -> Transport:
    transport = JsonRpc(address_of(settings.odoo_url), settings.odoo_timeout_seconds)
    _check_version(transport.version)
    transport.login(settings.odoo_db, *odoo_users.credentials(settings, publish=publish))
    return transport


def _json2(settings: Settings, publish: bool) -> Transport:
    transport = Json2(address_of(settings.odoo_url), settings.odoo_timeout_seconds)
    _check_version(transport.version)
    transport.login(settings.odoo_db, odoo_users.api_key(settings, publish=publish))
    return transport


def _check_version(version: str) -> None:
    match = re.match(r"(?:saas~)?(\d+)", version)
    if not match or int(match[1]) != SUPPORTED_MAJOR:
        raise OdooVersionError(
            f"Odoo answers as version {version}; only {SUPPORTED_MAJOR} is supported: point"
            f" ODOO_URL at an Odoo {SUPPORTED_MAJOR}"
        )
