"""The rating world as the machine sees it: many companies' rows in and out, few statements a night.

Names of the stories ("s1") become ids of the warehouse ("c7-s1"), and back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Any

from company.metering import AGGREGATIONS
from company.story import Row, Story
from machine_checks import Found
from psycopg2.extras import execute_values
from rating_world import LINES, World

NAMED = ("id", "code", "user_id", "plan_id", "subscription_id")
# Exceptions that hold lines, and no more of what the build makes.
RELATIONS = (*LINES, "+int_exceptions_subscriptions")
VIEWS = "+int_exceptions_subscriptions,path:dbt_project/models/staging"
USAGE_IDS = 100_000  # record numbers of a company


class Warehouse:
    """One world; `load` writes what changed since the load before."""

    def __init__(self, world: World, stories: Sequence[Story]) -> None:
        self.world = world
        self.stories = stories
        self._known: dict[tuple[str, int], dict[str, Row]] = defaultdict(dict)
        self._documents: dict[int, list[str]] = defaultdict(list)

    def open(self) -> None:
        self.world.dbt.build([VIEWS], {}, types=["model"])
        others = {"service": "nexacloud", "usage_grace": "2 days", "tolerance": "0.01"}
        policies = [{**others, **asdict(one)} for one in self.stories[0].policies]
        self.world.seed("services", policies)
        metrics = [
            {"service": "nexacloud", "metric": metric, "aggregation": aggregation}
            for metric, aggregation in AGGREGATIONS.items()
        ]
        self.world.seed("metrics", metrics)
        for name, pages in (("charges", "charges"), ("charge_tiers", "tiers")):
            rows = [
                {**row, "plan_code": story.prefix + row["plan_code"]}
                for story in self.stories
                for row in getattr(story, pages)
            ]
            self.world.seed(name, rows)

    # ----------------------------------------------------------------------------------- loads

    def load(self, table: str, standing: Mapping[int, Mapping[str, Row]], at: datetime) -> None:
        self.world.loaded_at = at
        created: list[Row] = []
        changed: list[Row] = []
        for place, rows in standing.items():
            known = self._known[table, place]
            for key, row in rows.items():
                if key not in known:
                    created.append(_outward(place, table, row))
                elif known[key] != row:
                    changed.append({**_outward(place, table, row), "_deleted_at": None})
            changed += [
                {**_outward(place, table, row), "_deleted_at": at}
                for key, row in known.items()
                if key not in rows and row is not GONE
            ]
            self._known[table, place] = {**dict.fromkeys(known, GONE), **rows}
        self.world.load(f"raw_nexacloud.{table}", created)
        if table == "usage_records":  # the world logs what each was before
            for row in changed:
                self.world.change(f"raw_nexacloud.{table}", row.pop("id"), **row)
        else:
            self._update(f"raw_nexacloud.{table}", changed, at)

    def _update(self, table: str, rows: list[Row], at: datetime) -> None:
        for columns, alike in _alike(rows).items():
            sets = ", ".join(f"{name} = new.{name}" for name in columns if name != "id")
            names = ", ".join(columns)
            values = [tuple(row[name] for name in columns) for row in alike]
            statement = f"update {table} as old set _loaded_at = %s, {sets} from (values %%s) as"
            with closing(self.world.connect()) as connection, connection:
                with connection.cursor() as cursor:
                    types = _types(cursor, table, columns)
                    head = cursor.mogrify(statement, (at,)).decode()
                    tail = f" new ({names}) where old.id = new.id"
                    template = f"({', '.join(f'%s::{kind}' for kind in types)})"
                    execute_values(cursor, head + tail, values, template=template, page_size=5000)

    def remember(self, at: datetime) -> None:
        """What the loader does after a load that no build follows: it keeps history."""
        self.world.loaded_at = at
        self.world.next_load()

    # ---------------------------------------------------------------------------------- nights

    def rate(self, as_of: datetime) -> None:
        self.world.as_of = as_of
        self.world.rate(RELATIONS)

    def found(self) -> dict[int, Found]:
        found: dict[int, Found] = defaultdict(Found)
        for line in self.world.query(LINES_OF_ALL):
            place, name = _inward(line["external_subscription_id"])
            line["subscription"] = name
            line["customer"] = _inward(line["external_customer_id"] or "c-1-?")[1]
            own = found[place]
            (own.published if line["is_published"] else own.proposed).append(line)
        for row in self.world.query("select usage_key from marts.fct_usage_exceptions"):
            number = int(row["usage_key"].split(":")[1])
            found[number // USAGE_IDS].left_out.add(str(number % USAGE_IDS))
        for row in self.world.query(EXCEPTIONS):
            place, name = _inward(row["subscription_id"].split(":")[1])
            found[place].held.add(name)
        return found

    def publish(self, night: int, lines: Mapping[int, list[Row]]) -> None:
        for place, listed in lines.items():
            document = f"c{place}-{night}"
            if listed:
                self.world.publish([line["line"] for line in listed], document)
                self._documents[place].append(document)

    def release(self, place: int) -> None:
        if self._documents[place]:
            of_it = f"where document_key = '{self._documents[place].pop()}'"
            self.world.execute(f"update ops.publications set state = 'released' {of_it}")
            self.world.execute(f"update ops.publication_lines set released_at = now() {of_it}")


GONE: Row = {}
LINES_OF_ALL = """
select
    to_jsonb(lines) as line, external_subscription_id, external_customer_id, charge, currency, kind,
    amount, is_billable, service_period_end, line_key,
    coalesce(corrects_period_start, service_period_start) as rated_start,
    exists (
        select from ops.publication_lines as ledger
        where ledger.line_key = lines.line_key and ledger.released_at is null
    ) as is_published
from marts.fct_invoice_lines as lines
"""
EXCEPTIONS = """
select subscription_id from intermediate.int_exceptions_subscriptions
where subscription_id is not null
"""


def _outward(place: int, table: str, row: Row) -> Row:
    renamed = {
        name: f"c{place}-{value}" if name in NAMED and value is not None else value
        for name, value in row.items()
    }
    if table == "usage_records":
        renamed["id"] = place * USAGE_IDS + int(row["id"])
    return renamed


def _inward(name: str) -> tuple[int, str]:
    place, _, own = name[1:].rpartition("-")
    return int(place), own


def _alike(rows: list[Row]) -> dict[tuple[str, ...], list[Row]]:
    by_columns: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        by_columns[tuple(row)].append(row)
    return by_columns


def _types(cursor: Any, table: str, columns: Sequence[str]) -> list[str]:
    cursor.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = %s::regclass",
        (table,),
    )
    types = dict(cursor.fetchall())
    return [types[name] for name in columns]
