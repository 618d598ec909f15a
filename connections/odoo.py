"""Odoo behind one small port. Settings flow in; records flow out as Odoo's JSON, numbers as exact
Decimals.

odoorpc 0.10.1 does the session and the protocol. Two things are ours: the JSON decoder (odoorpc's
makes binary floats) and the translation of whatever fails into the classes of errors.py, by
outcome. odoorpc has no successor for Odoo's next protocol yet, so nobody else imports it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import odoorpc
import odoorpc.error
import odoorpc.rpc.error

from connections.errors import (
    OdooLoginError,
    OdooVersionError,
    SettingsError,
)
from connections.odoo_outcomes import translated
from connections.odoo_transport import ExactProxy, decode, make_opener
from connections.settings import Settings

SUPPORTED_MAJOR = 19

# At DEBUG odoorpc logs the positional arguments of each call, and the password is one of them.
logging.getLogger("odoorpc").setLevel(logging.INFO)

Record = dict[str, Any]
Domain = Sequence[Any]


@dataclass(frozen=True)
class Answer:
    """Records as they came. Whether Odoo sent records or refused is found by decoding it."""

    body: bytes
    doing: str

    def records(self) -> list[Record]:
        with translated(self.doing):
            answer = decode(self.body)
            if answer.get("error"):
                raise odoorpc.error.RPCError(answer["error"]["data"]["message"], answer["error"])
            records: list[Record] = answer["result"]
            return records


class OdooPort:
    """The few calls that this project makes, in the company of the settings, with errors told apart
    by outcome.
    """

    def __init__(self, client: Any, company_id: int) -> None:
        self._client = client
        self._company_id = company_id

    @classmethod
    def connect(cls, settings: Settings, publish: bool = False) -> OdooPort:
        """Log in as the reader, or as the publisher. Raises OdooVersionError on anything but Odoo
        19.
        """
        if not settings.odoo_url:
            raise SettingsError("nothing configured for odoo: run `billing up` or set ODOO_URL")
        user, password = _credentials(settings, publish)
        with translated(f"Odoo at {settings.odoo_url}"):
            client = _client(settings)
            _check_version(str(client.version))
            _login(client, settings.odoo_db, user, password)
        return cls(client, settings.odoo_company_id)

    @property
    def version(self) -> str:
        return str(self._client.version)

    @property
    def uid(self) -> int:
        return int(self._client.env.uid)

    @property
    def company_id(self) -> int:
        return self._company_id

    def execute(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """`model.method(*args, **kwargs)` with the company context; a `context` given is laid over
        it.
        """
        context = {"allowed_company_ids": [self._company_id], "tz": "UTC"}
        context |= kwargs.pop("context", None) or {}
        with translated(f"{model}.{method}"):
            return self._client.execute_kw(
                model, method, list(args), {**kwargs, "context": context}
            )

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
        more = {"fields": list(fields), "order": order, "limit": limit, "context": context}
        with self._client._connector.proxy_json.undecoded():
            body = self.execute(model, "search_read", domain=list(domain), **more)
        return Answer(body, f"{model}.search_read")

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


def _credentials(settings: Settings, publish: bool) -> tuple[str, str]:
    if publish and settings.odoo_publish_user:
        return settings.odoo_publish_user, settings.odoo_publish_password.get_secret_value()
    return settings.odoo_user, settings.odoo_password.get_secret_value()


def _client(settings: Settings) -> Any:
    url = urlsplit(settings.odoo_url)
    if (
        url.scheme not in ("http", "https")
        or not url.hostname
        or url.path.strip("/")
        or url.username
    ):
        raise SettingsError(
            "ODOO_URL must look like https://odoo.example.com or http://127.0.0.1:8069"
        )
    tls = url.scheme == "https"
    port = url.port or (443 if tls else 80)
    opener = make_opener(url.hostname)
    timeout = settings.odoo_timeout_seconds
    client = odoorpc.ODOO(
        url.hostname, "jsonrpc+ssl" if tls else "jsonrpc", port, timeout=timeout, opener=opener
    )
    client._connector._proxy_json = ExactProxy(url.hostname, port, timeout, ssl=tls, opener=opener)
    return client


def _check_version(version: str) -> None:
    match = re.match(r"(?:saas~)?(\d+)", version)
    if not match or int(match[1]) != SUPPORTED_MAJOR:
        raise OdooVersionError(
            f"Odoo answers as version {version}; only {SUPPORTED_MAJOR} is supported: point"
            f" ODOO_URL at an Odoo"
            f" {SUPPORTED_MAJOR}"
        )


def _login(client: Any, database: str, user: str, password: str) -> None:
    fix = "check ODOO_DB, ODOO_USER and ODOO_PASSWORD (an API key of scope rpc works)"
    try:
        client.login(database, user, password)
    except odoorpc.error.RPCError as error:
        if not error.info:
            raise OdooLoginError(
                f"Odoo refuses the login of {user!r} on database {database!r}: {fix}"
            ) from None
        if "does not exist" in str(error) and "database" in str(error):
            raise OdooLoginError(f"Odoo has no database {database!r}: {fix}") from None
        raise
