"""JSON-2: `POST /json/2/<model>/<method>`, as it was recorded on a real Odoo 19.

Flows in: a bearer key, the database's name, a JSON object of named arguments. Flows out: the bare
result with status 200, or a status and `{name, message, arguments, context, debug}`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from psycopg2.extensions import cursor as Cursor

from sandbox.odoo_standin.environment import Env
from sandbox.odoo_standin.errors import as_data, odoo_name
from sandbox.odoo_standin.passwords import login_of_key
from sandbox.odoo_standin.rpc import Services, find_method

# By what the error is called. What is not here (ValueError, psycopg2's, ...) is 500.
_STATUS = {
    "odoo.exceptions.AccessDenied": 403,
    "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.MissingError": 404,
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.ValidationError": 422,
}
_INTERNAL_ERROR = 500
# What hands its unknown arguments on to another method, which raises a TypeError of its own.
_HANDS_ON = {"search_read": "BaseModel._read_format()"}


class NoSuchAddress(Exception):
    """Without a database Odoo does not know /json/2: a page says 404."""


class HttpRefusal(Exception):
    """Refused before any model is asked."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message, status)
        self.status, self.kind, self.message = status, kind, message


def call(
    services: Services, model: str, method: str, headers: Mapping[str, str], body: bytes
) -> Any:
    """Answer one request; raises what `refusal` dresses."""
    named_database = headers.get("x-odoo-database")
    if named_database and not services.has_database(named_database):
        raise NoSuchAddress
    scheme, _, key = headers.get("authorization", "").partition(" ")
    login = login_of_key(key.strip()) if scheme.lower() == "bearer" else None
    named = {} if login is None else _arguments(body)
    context = named.pop("context", None) or {}
    return services.in_transaction(
        context,
        lambda cursor: _authenticate(cursor, login),
        lambda env: _call(env, model, method, named),
    )


def refusal(error: BaseException) -> tuple[int, dict[str, Any]]:
    """Status and body of what was raised."""
    if isinstance(error, HttpRefusal):
        data = as_data(f"werkzeug.exceptions.{error.kind}", error.message)
        return error.status, data | {"arguments": [error.message, error.status]}
    name = odoo_name(error)
    return _STATUS.get(name, _INTERNAL_ERROR), as_data(name, str(error))


def _authenticate(cursor: Cursor, login: str | None) -> int:
    cursor.execute(
        "select id from res_users where login = %s and active and password_hash is not null",
        (login,),
    )
    row = cursor.fetchone()
    if row is None:
        raise HttpRefusal(401, "Unauthorized", "Invalid apikey")
    return int(row[0])


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(body or b"{}"))
    except (ValueError, TypeError) as error:
        raise HttpRefusal(400, "BadRequest", f"could not parse the body as json: {error}") from None


def _call(env: Env, model: str, method: str, named: dict[str, Any]) -> Any:
    if model not in env.registry.models:
        raise HttpRefusal(404, "NotFound", f"the model '{model}' does not exist")
    try:
        act = find_method(env, model, method)
    except AttributeError as error:
        raise HttpRefusal(404, "NotFound", str(error)) from None
    answer = act(*_records(act, model, method, named), **_checked(act, method, named))
    is_one = method == "create" and isinstance(answer, int)
    return [answer] if is_one else answer


def _records(
    act: Callable[..., Any], model: str, method: str, named: dict[str, Any]
) -> tuple[Any, ...]:
    """Take `ids` out of the arguments: none are an empty record set, where the method has one."""
    ids = named.pop("ids", [])
    if next(iter(inspect.signature(act).parameters), "") in ("ids", "_ids"):
        return (ids,)
    if ids:
        raise HttpRefusal(422, "UnprocessableEntity", f"cannot call {model}.{method} with ids")
    return ()


def _checked(act: Callable[..., Any], method: str, named: dict[str, Any]) -> dict[str, Any]:
    """The arguments, if the method takes them."""
    parameters = [p for p in inspect.signature(act).parameters.values() if "ids" not in p.name]
    known = {p.name for p in parameters}
    for name in named:
        if name not in known and method in _HANDS_ON:
            raise TypeError(f"{_HANDS_ON[method]} got an unexpected keyword argument '{name}'")
        if name not in known:
            text = f"got an unexpected keyword argument '{name}'"
            raise HttpRefusal(422, "UnprocessableEntity", text)
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in named:
            text = f"missing a required argument: '{parameter.name}'"
            raise HttpRefusal(422, "UnprocessableEntity", text)
    return named
