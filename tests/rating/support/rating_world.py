"""A warehouse that a test fills by hand and the real dbt models rate.

In: rows of raw tables, of seeds and of `ops`. Out: what the models made of them. One database name
and one parsed project serve a session, so that a build costs seconds; every world starts empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import people
import psycopg2
from dbt_runs import AS_OF, STAGING, Dbt
from dbt_runs import DbtFailed as DbtFailed
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, RealDictCursor, execute_values
from world_history import load_before, log_former, record_history

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

NAME = "rating_world"
TEMPLATE = "rating_world_template"
OWNER = "fusion_billing"
FIRST_LOAD = datetime(2020, 1, 1, tzinfo=UTC)
# Everything that the lines and their exceptions need, and nothing else.
LINES = ("+fct_invoice_lines", "+fct_usage_exceptions")
Row = Mapping[str, Any]


@dataclass
class World:
    """One empty warehouse: fill it, `rate` it, read it. Loads are a minute apart."""

    dsn: str
    dbt: Dbt
    as_of: datetime = AS_OF
    loaded_at: datetime = FIRST_LOAD
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    _loads: int = 0

    def connect(self) -> Connection:
        return psycopg2.connect(self.dsn)

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        with closing(self.connect()) as connection:
            with connection.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(statement, parameters or None)
                return [dict(row) for row in cursor]

    def execute(self, statement: str, *parameters: Any) -> None:
        with closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)

    def insert(self, table: str, rows: Iterable[Row]) -> None:
        """Insert rows as they are; `table` is schema.name, dicts become jsonb."""
        listed = list(rows)
        if not listed:
            return
        columns = list(dict.fromkeys(name for row in listed for name in row))
        statement = sql.SQL("insert into {} ({}) values %s").format(
            sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        values = [tuple(_value(row.get(name)) for name in columns) for row in listed]
        with closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            execute_values(cursor, statement.as_string(cursor), values, page_size=5000)

    def load(self, table: str, rows: Iterable[Row]) -> None:
        """Insert raw rows with the loaders' bookkeeping, as the load of this minute."""
        stamp = {"_run_id": "test", "_loaded_at": self.loaded_at}
        self.insert(table, [{**row, **stamp} for row in rows])
        self.record(table)

    def change(self, table: str, key: Any, **values: Any) -> None:
        """Change one raw row as a later load would find it."""
        with closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            log_former(cursor, table, key, values, self.seen_at)
            values["_loaded_at"] = self.loaded_at
            names = ", ".join(f"{name} = %s" for name in values)
            cursor.execute(f"update {table} set {names} where id = %s", (*values.values(), key))

    @property
    def seen_at(self) -> datetime:
        """When the load of this minute looked at the sources: `loaded_at` where a test chose it."""
        is_default = self.loaded_at == FIRST_LOAD + timedelta(minutes=self._loads)
        return load_before(self.as_of, self._loads) if is_default else self.loaded_at

    def record(self, *tables: str) -> None:
        """Write the history of raw tables (of all where none is named), as the loaders do."""
        with closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            record_history(cursor, tables, self.seen_at)

    def seed(self, name: str, rows: Iterable[Row]) -> None:
        """Replace the rows of a seed."""
        self.execute(f"truncate staging.{name}")
        self.insert(f"staging.{name}", rows)

    def next_load(self) -> None:
        """End the load of this minute: what it changed is in the history, each row once."""
        self.record()
        self.loaded_at += timedelta(minutes=1)
        self._loads += 1

    def rate(
        self, select: Sequence[str] = LINES, *, full_refresh: bool = False, **variables: Any
    ) -> None:
        """Record history and run models; what is loaded from now on is a later load.

        A name of a history (nexacloud_subscription_history) asks for no model: only for the record.
        """
        self.record()
        select = [name for name in select if not name.endswith("_history")]
        given = {"as_of": self.as_of.isoformat(), "policy_overrides": self.policies, **variables}
        if select:
            self.dbt.build(select, given, full_refresh=full_refresh)
        self.next_load()

    def lines(self, condition: str = "true") -> list[dict[str, Any]]:
        return self.query(
            f"select * from marts.fct_invoice_lines where {condition}"
            " order by subscription_id, service_period_start, charge, kind, line_key"
        )

    def publish(self, lines: Iterable[Row], document: str) -> None:
        """Write lines to the ledger as one confirmed document holds them."""
        listed = list(lines)
        if not listed:
            return
        self.insert("ops.publications", [_publication(listed[0], document)])
        frozen = [_frozen(line, document, number) for number, line in enumerate(listed, start=1)]
        self.insert("ops.publication_lines", frozen)


_LEDGER_COLUMNS = (
    *("line_key", "content_hash", "service", "subscription_id", "external_subscription_id", "kind"),
    *("charge", "metric", "plan_code", "segment_start", "service_period_start"),
    *("service_period_end", "corrects_period_start", "adjustment_number", "description"),
    *("quantity", "unit_price", "amount", "currency"),
)

_numbers = count(1)


def _frozen(line: Row, document: str, number: int) -> Row:
    content = {name: value for name, value in line.items() if name != "content_hash"}
    return {
        **{name: line[name] for name in _LEDGER_COLUMNS},
        "document_key": document,
        "line_number": number,
        "tax_ids": line["tax_ids"] or [],
        "partner_id": line["partner_id"] or 1,
        "content": json.loads(json.dumps(content, default=str)),
    }


def _publication(line: Row, document: str) -> Row:
    return {
        "document_key": document,
        "external_id": f"dwh_pub.{document}",
        "service": line["service"],
        "partner_id": line["partner_id"] or 1,
        "billing_period_start": line["billing_period_start"],
        "billing_period_end": line["billing_period_end"],
        "currency": line["currency"],
        "move_type": "out_invoice",
        "document_number": next(_numbers),
        "state": "confirmed",
        "payload": {},
        "payload_hash": "",
        "expected_untaxed_amount": 0,
        "expected_tax_amount": 0,
        "expected_total_amount": 0,
        "rounding_method": "round_globally",
        "invoice_date": date(2026, 1, 1),
        "invoice_date_due": date(2026, 1, 1),
    }


def _value(value: Any) -> Any:
    return Json(value) if isinstance(value, dict) else value


_made: dict[Path, Dbt] = {}


def template_of(cluster: Cluster, target: Path) -> Dbt:
    """The project, parsed, beside the empty warehouse that every world is cloned from: once."""
    if cluster.home not in _made:
        _made[cluster.home] = _make_template(cluster, target)
    return _made[cluster.home]


def _make_template(cluster: Cluster, target: Path) -> Dbt:
    from loaders.schema import ensure_raw_tables
    from publishers.migrate import upgrade

    cluster.ensure_role(OWNER)
    cluster.create_database(TEMPLATE, owner=OWNER)
    upgrade(cluster.dsn(TEMPLATE, user=OWNER))
    people.add(cluster.dsn(TEMPLATE, user=OWNER))
    with closing(psycopg2.connect(cluster.dsn(TEMPLATE, user=OWNER))) as connection, connection:
        ensure_raw_tables(connection)
    # dbt knows one database name, so that it parses the project once: the template borrows it.
    cluster.create_database(NAME, template=TEMPLATE, owner=OWNER)
    dbt = Dbt(cluster.dsn(NAME, user=OWNER), target)
    dbt.parse()
    dbt.build(["resource_type:seed", STAGING, *LINES], {}, types=["seed", "model"])
    # What remembers must begin empty: the first build of a world is its first.
    with closing(psycopg2.connect(dbt.dsn)) as connection, connection:
        with connection.cursor() as cursor:
            for name in ("left_out", "by_slice"):
                cursor.execute(f"drop table intermediate.int_usage_{name} cascade")
    cluster.drop_database(TEMPLATE)
    cluster.create_database(TEMPLATE, template=NAME, owner=OWNER)
    return dbt


def kept_world(cluster: Cluster, world: World, name: str) -> Callable[[], World]:
    """Keep a world as it is now: each call gives it anew under the one name, for one more test."""
    cluster.drop_database(name)
    cluster.create_database(name, template=NAME, owner=OWNER)

    def again() -> World:
        cluster.drop_database(NAME)
        cluster.create_database(NAME, template=name, owner=OWNER)
        return replace(world, policies=dict(world.policies))

    return again


def fresh_world(cluster: Cluster, dbt: Dbt) -> World:
    """An empty world under the one name; the one before is gone."""
    cluster.drop_database(NAME)
    cluster.create_database(NAME, template=TEMPLATE, owner=OWNER)
    world = World(dbt.dsn, dbt)
    currencies = (("CAD", 2), ("USD", 2), ("JPY", 0), ("KWD", 3))
    world.load(
        "raw_odoo.res_currency",
        [
            {"id": number, "name": name, "decimal_places": places, "active": True}
            for number, (name, places) in enumerate(currencies, start=1)
        ],
    )
    return world
