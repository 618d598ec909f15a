"""Who calls, in which transaction, with which context: Odoo's `env`, as far as it is needed.

Flows in: a cursor, a user id, a context. Flows out: the facts that all behaviours ask for (user,
companies, digits, currencies), looked up once per call.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from psycopg2.extensions import cursor as Cursor

from sandbox.odoo_standin.errors import AccessError, MissingError
from sandbox.odoo_standin.registry import Model, Registry

Values = dict[str, Any]
Row = dict[str, Any]
_T = TypeVar("_T")


@dataclass(frozen=True)
class User:
    """The calling user: his groups (by external id) and companies."""

    id: int
    login: str
    name: str
    partner_id: int
    company_id: int
    company_ids: tuple[int, ...]
    groups: frozenset[str]
    lang: str
    tz: str | None


@dataclass(frozen=True)
class Env:
    """One call's surroundings; `sudo` skips access checks, as Odoo's sudo() does."""

    cursor: Cursor
    registry: Registry
    uid: int
    context: Mapping[str, Any] = field(default_factory=dict)
    is_sudo: bool = False
    cache: dict[Any, Any] = field(default_factory=dict)

    # ------------------------------------------------------------------ variants

    def sudo(self) -> Env:
        return replace(self, is_sudo=True)

    def with_context(self, **changes: Any) -> Env:
        return replace(self, context={**self.context, **changes})

    # ------------------------------------------------------------------ SQL

    def execute(self, query: str, parameters: Any = None) -> int:
        """Run a statement; return the number of rows it touched."""
        self.cursor.execute(query, parameters)
        return int(self.cursor.rowcount)

    def rows(self, query: str, parameters: Any = None) -> list[Row]:
        """Run a query; return its rows as dictionaries."""
        self.cursor.execute(query, parameters)
        names = [column.name for column in self.cursor.description or ()]
        return [dict(zip(names, values, strict=True)) for values in self.cursor.fetchall()]

    def tuples(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        self.cursor.execute(query, parameters)
        return self.cursor.fetchall()

    def scalar(self, query: str, parameters: Any = None) -> Any:
        """Return the first column of the first row, None if there is none."""
        self.cursor.execute(query, parameters)
        row = self.cursor.fetchone()
        return None if row is None else row[0]

    def records(self, model: str, ids: Iterable[int], columns: str = "*") -> list[Row]:
        """Return stored columns of records, in the order of ids; missing ones are left out."""
        wanted = list(ids)
        query = f"select {columns} from {self.registry.model(model).table} where id = any(%s)"
        found = {row["id"]: row for row in self.rows(query, (wanted,))}
        return [found[i] for i in wanted if i in found]

    def record(self, model: str, record_id: int) -> Row:
        """Return one record's stored columns; raises MissingError when it is gone."""
        rows = self.records(model, [record_id])
        if not rows:
            raise MissingError(
                "Record does not exist or has been deleted.\n"
                f"(Record: {model}({record_id},), User: {self.uid})"
            )
        return rows[0]

    # ------------------------------------------------------------------ facts

    def cached(self, key: Any, compute: Callable[[], _T]) -> _T:
        """Return what `compute` gave first in this transaction."""
        if key not in self.cache:
            self.cache[key] = compute()
        value: _T = self.cache[key]
        return value

    def model(self, name: str) -> Model:
        return self.registry.model(name)

    @property
    def user(self) -> User:
        return self.cached(("user", self.uid), self._load_user)

    def _load_user(self) -> User:
        row = self.rows(
            """select u.id, u.login, p.name, u.partner_id, u.company_id, u.company_ids,
                      coalesce(p.lang, 'en_US') as lang, p.tz,
                      array(select d.module || '.' || d.name from ir_model_data d
                            where d.model = 'res.groups' and d.res_id = any(u.group_ids)) as groups
               from res_users u join res_partner p on p.id = u.partner_id where u.id = %s""",
            (self.uid,),
        )[0]
        row["groups"] = frozenset(row["groups"])
        row["company_ids"] = tuple(row["company_ids"])
        return User(**row)

    def has_group(self, *groups: str) -> bool:
        """Say whether the caller is in any of these groups (or acts as superuser)."""
        return self.is_sudo or not self.user.groups.isdisjoint(groups)

    @property
    def company_ids(self) -> tuple[int, ...]:
        """The companies of this call: `allowed_company_ids`, else all that the user has."""
        asked: Sequence[int] = self.context.get("allowed_company_ids") or ()
        if not asked:
            return self.user.company_ids
        if not self.is_sudo and not set(asked) <= set(self.user.company_ids):
            raise AccessError("Access to unauthorized or invalid companies.")
        return tuple(asked)

    @property
    def company(self) -> Row:
        """The current company: the first allowed one, else the user's own."""
        asked = self.context.get("allowed_company_ids")
        company_id = self.company_ids[0] if asked else self.user.company_id
        return self.company_of(company_id)

    def company_of(self, company_id: int) -> Row:
        return self.cached(("company", company_id), lambda: self.record("res.company", company_id))

    @property
    def now(self) -> datetime.datetime:
        """The transaction's start, UTC without zone: what Odoo writes as write_date."""
        moment: datetime.datetime = self.cached(
            "now", lambda: self.scalar("select now() at time zone 'utc'")
        )
        return moment

    @property
    def today(self) -> datetime.date:
        return self.now.date()

    def digits(self, precision: str) -> int:
        """Return the decimals of a named precision ('Product Price': 2 by default)."""
        table = self.cached(
            "digits", lambda: dict(self.tuples("select name, digits from decimal_precision"))
        )
        return int(table.get(precision, 2))

    def currency_decimals(self, currency_id: int | None) -> int:
        table = self.cached(
            "decimals", lambda: dict(self.tuples("select id, decimal_places from res_currency"))
        )
        return int(table.get(currency_id, 2))
