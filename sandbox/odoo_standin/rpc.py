"""JSON-RPC services: who is calling, which method, in one transaction, with Odoo's retries.

Flows in: the `params` of a request. Flows out: its result, or an exception that errors.py dresses.
Each call carries user id and password, as odoorpc sends them: there are no sessions.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg2
from psycopg2 import errors as pg
from psycopg2.extensions import cursor as Cursor

from sandbox.odoo_standin import models  # noqa: F401  (registers the behaviours)
from sandbox.odoo_standin.behaviour import behaviour_of
from sandbox.odoo_standin.builds import Build
from sandbox.odoo_standin.database import Database
from sandbox.odoo_standin.environment import Env
from sandbox.odoo_standin.errors import AccessDenied, AccessError, ValidationError
from sandbox.odoo_standin.methods import GENERIC
from sandbox.odoo_standin.passwords import is_password
from sandbox.odoo_standin.registry import Registry

VERSION = {
    "server_version": "19.0",
    "server_version_info": [19, 0, 0, "final", 0, ""],
    "server_serie": "19.0",
    "protocol_version": 1,
}
DATABASE_NAME = "odoo"
_MAX_TRIES = 5
_CONFLICTS = (pg.SerializationFailure, pg.DeadlockDetected, pg.LockNotAvailable)
_UNIQUE_NAME = "account_move_unique_name"


@dataclass(frozen=True)
class Services:
    """The JSON-RPC services `common`, `object` and `db` over one database."""

    database: Database
    registry: Registry

    def call(self, service: str, method: str, args: Sequence[Any]) -> Any:
        """Answer one request; raises what the client shall see."""
        handlers: dict[tuple[str, str], Callable[..., Any]] = {
            ("common", "version"): lambda *_: VERSION,
            ("common", "login"): self._login,
            ("common", "authenticate"): self._login,
            ("object", "execute"): self._execute,
            ("object", "execute_kw"): self._execute_kw,
            ("db", "list"): lambda *_: [DATABASE_NAME],
        }
        handler = handlers.get((service, method))
        if handler is None:
            raise AttributeError(f"Method not found: {service}.{method}")
        return handler(*args)

    # ------------------------------------------------------------------ common

    def has_database(self, name: str) -> bool:
        """Whatever its database is called, a stand-in also answers to the name `odoo`."""
        return name in (self.database.name, DATABASE_NAME)

    def _check_database(self, name: str) -> None:
        if not self.has_database(name):
            raise psycopg2.OperationalError(
                'connection to server at "127.0.0.1" failed: '
                f'FATAL:  database "{name}" does not exist\n'
            )

    def _login(self, database: str, login: str, password: str, *_: Any) -> int | bool:
        self._check_database(database)
        with self.database.transaction() as cursor:
            cursor.execute(
                "select id, password_hash from res_users where login = %s and active", (login,)
            )
            row = cursor.fetchone()
        if row is None or not is_password(row[1], login, str(password)):
            return False
        return int(row[0])

    # ------------------------------------------------------------------ object

    def _execute(
        self, database: str, uid: int, password: str, model: str, method: str, *args: Any
    ) -> Any:
        return self._execute_kw(database, uid, password, model, method, args, {})

    def _execute_kw(
        self,
        database: str,
        uid: int,
        password: str,
        model: str,
        method: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self._check_database(database)
        options = dict(kwargs or {})
        context = options.pop("context", None) or {}
        return self.in_transaction(
            context,
            lambda cursor: _authenticate(cursor, uid, password),
            lambda env: find_method(env, model, method)(*args, **options),
        )

    def in_transaction(
        self,
        context: Mapping[str, Any],
        authenticate: Callable[[Cursor], int],
        act: Callable[[Env], Any],
    ) -> Any:
        """Run a call as the user that `authenticate` finds; conflicts are tried again."""
        for attempt in range(1, _MAX_TRIES + 1):
            try:
                with self.database.transaction() as cursor:
                    return act(Env(cursor, self.registry, authenticate(cursor), context))
            except _CONFLICTS:
                if attempt == _MAX_TRIES:
                    raise
            except pg.UniqueViolation as error:
                # Two posted at once and took the same number: the loser takes the next one.
                if error.diag.constraint_name != _UNIQUE_NAME or attempt == _MAX_TRIES:
                    raise _as_validation_error(error, self.registry.build) from error
            except psycopg2.IntegrityError as error:
                raise _as_validation_error(error, self.registry.build) from error
            time.sleep(random.uniform(0, 0.02 * 2**attempt))
        raise AssertionError("the loop above returns or raises")


def _authenticate(cursor: Cursor, uid: int, password: str) -> int:
    cursor.execute("select login, password_hash from res_users where id = %s and active", (uid,))
    row = cursor.fetchone()
    if row is None or not is_password(row[1], row[0], str(password)):
        raise AccessDenied
    return uid


def _as_validation_error(error: psycopg2.Error, build: Build) -> ValidationError:
    if error.diag.constraint_name == _UNIQUE_NAME:
        return ValidationError(build.same_name)
    return ValidationError(f"The operation cannot be completed: {error.diag.message_primary}")


def find_method(env: Env, model: str, method: str) -> Callable[..., Any]:
    """Return a public method of a model; the model's own come before the generic ones."""
    described = env.model(model)
    if method.startswith("_"):
        raise AccessError(
            f"Private methods (such as '{model}.{method}') cannot be called remotely."
        )
    env.company_ids  # noqa: B018  (an unauthorised company in the context fails first)
    own = behaviour_of(model).methods.get(method)
    if own is not None:
        return partial(own, env)
    generic = GENERIC.get(method)
    if generic is None:
        raise AttributeError(f"The method '{model}.{method}' does not exist")
    return partial(generic, env, described)
