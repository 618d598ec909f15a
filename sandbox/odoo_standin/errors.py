"""Errors as a real Odoo raises them, and the shape in which they travel.

Flows in: exceptions of one call. Flows out: the `error` object of a JSON-RPC answer, or what JSON-2
tells of it. Clients classify on `name`, so each class here carries the name that Odoo would send.
"""

from __future__ import annotations

from typing import Any


class OdooError(Exception):
    """An error that a user caused; `odoo_name` is what travels as `data.name`."""

    odoo_name = "odoo.exceptions.UserError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UserError(OdooError):
    """A business rule says no."""


class ValidationError(OdooError):
    """A constraint is violated."""

    odoo_name = "odoo.exceptions.ValidationError"


class MissingError(OdooError):
    """A record does not exist (any more)."""

    odoo_name = "odoo.exceptions.MissingError"


class AccessError(OdooError):
    """This user may not."""

    odoo_name = "odoo.exceptions.AccessError"


class AccessDenied(OdooError):
    """Wrong login or password inside a call (a bad `login` answers false instead)."""

    odoo_name = "odoo.exceptions.AccessDenied"

    def __init__(self) -> None:
        super().__init__("Access Denied")


class RequiredFieldError(ValidationError):
    """A mandatory field has no value; `load()` reports it with the field's name."""

    def __init__(self, model: str, description: str, field: str, label: str) -> None:
        self.field = field
        self.detail = (
            f"Missing required value for the field '{label}' ({field}).\n"
            f"Model: '{description}' ({model})\n"
            "- create/update: a mandatory field is not set\n"
            "- delete: another model requires the record being deleted, "
            "you can archive it instead\n"
        )
        super().__init__(f"The operation cannot be completed: {self.detail}")


def missing(model: str, record_id: int, uid: int) -> MissingError:
    """Build the error for a record that is not there, worded as Odoo words it."""
    return MissingError(
        f"Record does not exist or has been deleted.\n(Record: {model}({record_id},), User: {uid})"
    )


def odoo_name(error: BaseException) -> str:
    """Return `data.name`: Odoo's class where it is one of ours, else module and class."""
    if isinstance(error, OdooError):
        return error.odoo_name
    kind = type(error)
    return f"{kind.__module__}.{kind.__name__}"


def as_json_rpc(error: BaseException) -> dict[str, Any]:
    """Return the `error` object that Odoo 19 sends (HTTP status stays 200, code is 0)."""
    data = as_data(odoo_name(error), str(error))
    return {"code": 0, "message": "Odoo Server Error", "data": data}


def as_data(name: str, message: str) -> dict[str, Any]:
    """Return what both protocols tell of an error."""
    return {"name": name, "message": message, "arguments": [message], "context": {}, "debug": ""}
