"""What can go wrong at the borders, by what the caller may do about it. Nothing flows in;
exceptions flow out.

`OdooUnreachable` and `OdooUnknownOutcome` may be tried again, a write only when it is idempotent:
after an unknown outcome the server may have done the work. `OdooPermanentError` will fail the same
way next time.
"""

from __future__ import annotations


class SettingsError(Exception):
    """A setting is missing or does not parse. The text never repeats the value: it may hold a
    password.
    """


class DatabaseUnreachable(Exception):
    """A PostgreSQL server cannot be reached or refuses the login."""


class OdooError(Exception):
    """Base of everything that Odoo or the way to it answers. `name` is Odoo's own `data.name`, or
    the Python class.
    """

    is_retryable = False

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.name = name or type(self).__name__


class OdooUnreachable(OdooError):
    """The request was never taken: refused, unknown host, TLS, not an Odoo at this address."""

    is_retryable = True


class OdooLoginError(OdooError):
    """Wrong database, login, password or API key."""


class OdooVersionError(OdooError):
    """The server is not Odoo 19, the only version that this code was proved against."""


class OdooPermanentError(OdooError):
    """Odoo understood and refused: access, validation, unknown field, missing record."""


class OdooAccessError(OdooPermanentError):
    """This user lacks a right."""


class OdooModelMissing(OdooPermanentError):
    """The model is not installed there (Community, or a module that is not there)."""


class OdooUnknownOutcome(OdooError):
    """No telling whether the call took effect: timeout, reset, 5xx, 429, cut body, database trouble
    inside Odoo.
    """

    is_retryable = True
