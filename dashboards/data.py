"""The pages' way to the warehouse: SELECT as finance_reader, decisions as finance_approver.

In: settings, SQL with `{marts}` and named parameters. Out: rows with Decimal amounts and aware
times, kept for a few seconds; or a session that may insert decisions. The database refuses the
rest, whatever the pages do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import streamlit as st
from psycopg2.errors import (
    InsufficientPrivilege,
    InvalidSchemaName,
    UndefinedColumn,
    UndefinedTable,
)
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from connections.builds import Build, pinned, serving_of
from connections.postgres import finance
from connections.settings import Settings, load_settings
from dashboards.queries import common

Row = dict[str, Any]
# How old a figure on a page may be; after a decision nothing is kept.
KEPT_SECONDS = 20
KEPT_ANSWERS = 300
# An acknowledgement runs out by the clock, so that nothing is kept for long.
DECIDED_SECONDS = 300


class NotBuilt(RuntimeError):
    """The warehouse has no marts yet, or none that this role may see; how to fix it is said."""


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()


def select(
    conn: Connection, marts: str, query: str, parameters: Mapping[str, Any] | None = None
) -> list[Row]:
    """Run a query of dashboards.queries; raises NotBuilt where its tables are missing."""
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        try:
            text = query.replace("{marts}", marts).replace("{serving}", serving_of(marts))
            cursor.execute(text, parameters or {})
        except (UndefinedTable, InvalidSchemaName, UndefinedColumn) as error:
            conn.rollback()
            raise NotBuilt(_what_is_missing(conn, marts, str(error).splitlines()[0])) from None
        except InsufficientPrivilege as error:
            refused = str(error).splitlines()[0]
            raise NotBuilt(f"{refused.capitalize()}: run `billing roles`.") from None
        return [dict(row) for row in cursor.fetchall()]


def _what_is_missing(conn: Connection, marts: str, missing: str) -> str:
    """Never built, or built by another version of this project; either way what fixes it."""
    with conn.cursor() as cursor:
        cursor.execute(
            "select exists (select from pg_tables where schemaname = %s"
            " and tablename = 'fct_reconciliation')",
            (marts,),
        )
        ((is_built,),) = cursor.fetchall()
    if not is_built:
        return (
            f"The warehouse is not built yet ({missing}): run `billing run`, which loads and builds"
            " it, then load this page again."
        )
    return (
        f"The warehouse was built by another version of these pages ({missing}): run `billing run`"
        " once, then load this page again."
    )


# The build that the page of this run reads.
_build: ContextVar[Build | None] = ContextVar("build", default=None)


@contextmanager
def one_build() -> Iterator[Build | None]:
    """All answers of the block come from one build: none is swapped in before its end."""
    with finance(settings(), "reader") as conn, pinned(conn, settings().schema("marts")) as of:
        token = _build.set(of)
        try:
            yield of
        finally:
            _build.reset(token)


def build() -> Build | None:
    """The build that this page reads; None where none was swapped in yet."""
    return _build.get()


def rows(query: str, **parameters: Any) -> list[Row]:
    """The answer of a query, at most KEPT_SECONDS old and of the build that this page reads."""
    of = build()
    return _kept(query, tuple(sorted(parameters.items())), of.build_id if of else None)


def rows_as_decided(query: str, **parameters: Any) -> list[Row]:
    """The answer of a costly query: kept until something is decided, published, loaded or built."""
    of, (decided,) = build(), all_rows(common.STAMP)
    key = f"{of.build_id if of else None} {decided['stamp']}"
    return _kept_as_decided(query, tuple(sorted(parameters.items())), key)


def row(query: str, **parameters: Any) -> Row | None:
    """The first row of an answer."""
    found = rows(query, **parameters)
    return found[0] if found else None


def all_rows(query: str, **parameters: Any) -> list[Row]:
    """The whole answer, asked anew: for exports, which nobody should keep in memory."""
    with finance(settings(), "reader") as conn:
        return select(conn, settings().schema("marts"), query, parameters)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=KEPT_ANSWERS, show_spinner="Reading the warehouse …")
def _kept(query: str, parameters: tuple[tuple[str, Any], ...], build_id: int | None) -> list[Row]:
    del build_id  # the answer of another build is another answer
    return all_rows(query, **dict(parameters))


@st.cache_data(
    ttl=DECIDED_SECONDS, max_entries=KEPT_ANSWERS, show_spinner="Reading the warehouse …"
)
def _kept_as_decided(
    query: str, parameters: tuple[tuple[str, Any], ...], as_decided: str
) -> list[Row]:
    del as_decided  # after a decision or a build it is another answer
    return all_rows(query, **dict(parameters))


def forget() -> None:
    """Ask everything anew: something was decided."""
    _kept.clear()
    _kept_as_decided.clear()


@contextmanager
def deciding() -> Iterator[Connection]:
    """A session that may insert decisions, for the functions of publishers."""
    with finance(settings(), "approver") as conn:
        yield conn
