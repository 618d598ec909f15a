"""Whatever fails on the way to Odoo, told apart by outcome. Errors of odoorpc and of HTTP flow in;
ours flow out.

The table behind this is measured on a real Odoo 19: what a proxy, a killed worker, a database
restart and each refusal look like through either protocol. Odoo's name for an error decides, not
the HTTP status that JSON-2 sends with it: 500 is a database that went away, or a field that is not
there.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import odoorpc.error
import odoorpc.rpc.error

from connections.errors import (
    OdooAccessError,
    OdooError,
    OdooLoginError,
    OdooModelMissing,
    OdooPermanentError,
    OdooUnknownOutcome,
    OdooUnreachable,
    SettingsError,
)

_NO_MODEL = re.compile(r"Object \S+ doesn't exist|the model '\S+' does not exist")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Every failure of a call as one of our classes; `from None` because odoorpc's frames hold the
    password.
    """
    try:
        yield
    except (OdooError, SettingsError):
        raise
    except odoorpc.error.RPCError as error:
        raise _from_rpc_error(doing, error) from None
    except odoorpc.error.InternalError as error:
        raise OdooLoginError(f"{doing}: {error}") from None
    # Derives from BaseException, so that no `except Exception` would ever see it.
    except odoorpc.rpc.error.ConnectorError as error:
        raise OdooUnreachable(f"{doing}: {error}") from None
    except urllib.error.HTTPError as error:
        raise _from_http_error(doing, error) from None
    except urllib.error.URLError as error:
        raise _from_url_error(doing, error.reason) from None
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        # OSError: timeout, reset; ValueError: not JSON (a proxy's page); KeyError: not Odoo's JSON.
        raise OdooUnknownOutcome(f"{doing}: no usable answer ({type(error).__name__})") from None


def _from_rpc_error(doing: str, error: Any) -> OdooError:
    data = (error.info or {}).get("data") or {}
    return _from_refusal(doing, str(data.get("name", "")), str(data.get("message", error)))


def _from_refusal(doing: str, name: str, message: str) -> OdooError:
    """Judge by Odoo's name of the error."""
    text = f"{doing}: {name}: {message[:2000].strip()}"
    if name.startswith("psycopg2.") or "could not serialize access" in message:
        return OdooUnknownOutcome(text, name)
    if name in ("odoo.exceptions.AccessDenied", "werkzeug.exceptions.Unauthorized"):
        return OdooLoginError(text, name)
    if name == "odoo.exceptions.AccessError":
        return OdooAccessError(text, name)
    if name.endswith((".UserError", ".NotFound")) and _NO_MODEL.match(message):
        return OdooModelMissing(text, name)
    return OdooPermanentError(text, name)


def _from_http_error(doing: str, error: urllib.error.HTTPError) -> OdooError:
    """JSON-2 refuses with a status and says why in the body; whoever else answers has a status
    only.
    """
    try:
        said = json.loads(error.read())
        name, message = str(said["name"]), str(said["message"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return _from_http_status(doing, error.code)
    if name.startswith("werkzeug.") and _is_passing(error.code):
        return _from_http_status(doing, error.code)
    return _from_refusal(doing, name, message)


def _is_passing(status: int) -> bool:
    return bool(
        status == http.client.TOO_MANY_REQUESTS or status >= http.client.INTERNAL_SERVER_ERROR
    )


def _from_http_status(doing: str, status: int) -> OdooError:
    if _is_passing(status):
        return OdooUnknownOutcome(f"{doing}: HTTP {status}", f"HTTP {status}")
    return OdooUnreachable(
        f"{doing}: HTTP {status}: is this an Odoo with its module rpc installed?", f"HTTP {status}"
    )


def _from_url_error(doing: str, reason: object) -> OdooError:
    text = f"{doing}: {reason}"
    if isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLError):
        return OdooUnreachable(f"{text}: check ODOO_URL and that Odoo runs", type(reason).__name__)
    return OdooUnknownOutcome(text, type(reason).__name__)
