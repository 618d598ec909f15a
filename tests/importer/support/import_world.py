"""A warehouse with proposals, an Odoo to import into, and hands to work both.

In: a cluster. Out: a World over a warehouse of one's own and a stand-in; every call that reaches
the stand-in's door from the importer is kept, so that a test may look at all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import Json, execute_values

from connections.odoo import OdooPort
from connections.settings import Settings, load_settings
from publishers.importer import ImportReport, prune, run_import, undo
from sandbox.standin import login_as

PERSON = "Dana Roy"
# The contract of serving.odoo_import_proposals, as a table that a test fills.
PROPOSALS = """
create schema marts;
create schema serving;
create table serving.odoo_import_proposals (
    import_key text primary key, kind text, title text, wanted jsonb, known_odoo_id bigint,
    currency text, is_extra_deployment boolean default false, skip_reason text, problem text
);
"""
# One statement is one instant: what was built was loaded before.
FRESH = """
insert into ops.load_runs (source, table_name, status, finished_at) values
    ('nexacloud', 'invoices', 'succeeded', now()), ('odoo', 'sale_order', 'succeeded', now());
insert into ops.builds (as_of, is_whole, status, finished_at)
values (now(), true, 'passed', clock_timestamp());
"""


@dataclass
class World:
    """One warehouse and one Odoo. `calls`: model, method, arguments of the importer."""

    settings: Settings
    calls: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    _ports: dict[str, OdooPort] = field(default_factory=dict)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        conn = psycopg2.connect(self.settings.warehouse_dsn)
        try:
            with conn, conn.cursor() as cursor:
                yield cursor
        finally:
            conn.close()

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement in the warehouse; its rows, if it has any."""
        with self.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def propose(self, rows: Sequence[dict[str, Any]]) -> None:
        """What dbt would propose; a record that is there is replaced."""
        given = ("import_key", "kind", "title", "wanted", "known_odoo_id", "currency")
        names = (*given, "skip_reason", "problem")
        with self.cursor() as cursor:
            execute_values(
                cursor,
                f"insert into serving.odoo_import_proposals ({', '.join(names)}) values %s"
                " on conflict (import_key) do update set wanted = excluded.wanted,"
                " skip_reason = excluded.skip_reason, problem = excluded.problem",
                [tuple(_cell(row.get(name)) for name in names) for row in rows],
            )

    def want(self, import_key: str, **values: Any) -> None:
        """Change what the warehouse wants of one record; a slash is written as two underscores."""
        wanted = {name.replace("__", "/"): value for name, value in values.items()}
        table = "serving.odoo_import_proposals"
        if self.query("select to_regclass('intermediate.int_odoo_import_records')")[0][0]:
            table = "intermediate.int_odoo_import_records"
        self.query(
            f"update {table} set wanted = wanted || %s where import_key = %s",
            Json(wanted), import_key,
        )  # fmt: skip

    def look(self, **options: Any) -> ImportReport:
        """A dry run."""
        return run_import(self.settings, **options)

    def go(self, **options: Any) -> ImportReport:
        """A run with `--go`."""
        return run_import(self.settings, **{"go": True, "by": PERSON, **options})

    def prune(self, **options: Any) -> ImportReport:
        return prune(self.settings, **{"by": PERSON, **options})

    def undo(self, run_id: str, **options: Any) -> ImportReport:
        return undo(self.settings, run_id, **{"by": PERSON, **options})

    def port(self, user: str = "admin") -> OdooPort:
        """A session of one of the stand-in's users, whose password is his name."""
        if user not in self._ports:
            given = {n: getattr(self.settings, n) for n in type(self.settings).model_fields}
            own = load_settings(**given | login_as(user))
            self._ports[user] = OdooPort.connect(own)
        return self._ports[user]

    def find(self, model: str, domain: Sequence[Any], *fields: str) -> list[dict[str, Any]]:
        """Records of Odoo as the administrator sees them, archived ones included."""
        context = {"active_test": False}
        return self.port().search_read(model, domain, fields or ["id"], order="id", context=context)

    def write(self, model: str, odoo_id: int, **values: Any) -> None:
        """A person changes a record in Odoo."""
        self.port().execute(model, "write", [odoo_id], values)

    def count(self, model: str, domain: Sequence[Any] = ()) -> int:
        return len(self.find(model, domain))

    def row(self, report: ImportReport, import_key: str) -> dict[str, Any]:
        """One record's row of a report."""
        [row] = [each for each in report.as_json()["rows"] if each["key"] == import_key]
        return dict(row)


def watch(world: World, patch: pytest.MonkeyPatch) -> None:
    """Keep every call that the importer makes."""
    execute = OdooPort.execute

    def watched(port: OdooPort, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        world.calls.append((model, method, args, kwargs))
        return execute(port, model, method, *args, **kwargs)

    patch.setattr(OdooPort, "execute", watched)


def _cell(value: Any) -> Any:
    return Json(value) if isinstance(value, dict) else value
