"""One warehouse, one Odoo and their nights, shared by the customers of many seeds.

In: the session's cluster. Out: a World of the rating tests whose partners, taxes and invoices come
from a running Odoo stand-in through the real loader, with every model that publishing reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
from rating_world import OWNER, Dbt, World
from recon_world import NAME, TEMPLATE

from connections.odoo import OdooPort
from connections.settings import Settings, load_settings
from loaders import load
from sandbox.standin import Standin, login_as, start_standin

# A night builds all that stands between a fact and a document. What explains money decides none.
NIGHT = ("+invoice_lines_to_publish", "+fct_billing_exceptions")
_MODELS = "path:dbt_project/models"
LEFT_OUT = (
    f"{_MODELS}/intermediate/reconciliation",
    *(f"{_MODELS}/marts/{name}" for name in ("reconciliation", "integrity")),
    *("int_app_charges", "int_app_charge_facts", "int_invoice_totals"),
)
# All that a build does until it has counted what is billed.
COUNTED = ("+int_charge_balances",)
# How `billing run` logs its builds, which the publisher asks.
BEGIN = "insert into ops.builds (as_of, is_whole) values (%s, true) returning build_id"
END = "update ops.builds set status = 'passed', finished_at = now() where build_id = %s"
# What a night of Odoo may change; the rest is loaded once.
MOVES = ("account.move", "account.move.line")


class NightlyDbt(Dbt):
    """The sample's parsed project, without what decides nothing."""

    def __init__(self, parsed: Dbt) -> None:
        super().__init__(parsed.dsn, parsed.target)
        self._manifest = parsed._manifest
        # What is not built again in the second half of a night.
        self.left_out: tuple[str, ...] = ()

    def _invoke(self, arguments: list[str], manifest: Any = None) -> Any:
        at = arguments.index("--exclude") + 1
        left_out = [*arguments[:at], *LEFT_OUT, *self.left_out, *arguments[at:]]
        return super()._invoke(left_out, manifest)


@dataclass
class BatchWorld:
    """The warehouse in which a batch plays, and the Odoo that it publishes to."""

    rating: World
    dbt: NightlyDbt
    odoo: Standin
    cluster: Any
    home: Path

    def settings(self, name: str = NAME, as_of: datetime | None = None) -> Settings:
        """Settings of the integration user; `name` is another database for another warehouse."""
        return load_settings(
            billing_home=self.home,
            warehouse_dsn=self.cluster.dsn(name, user=OWNER),
            odoo_url=self.odoo.url,
            odoo_db=self.odoo.db,
            **self.odoo.login,
            billing_as_of=(as_of or self.rating.as_of).isoformat(),
        )

    def admin(self) -> OdooPort:
        """A session of Odoo's administrator: what people do there."""
        known = self.settings()
        values = {name: getattr(known, name) for name in type(known).model_fields}
        return OdooPort.connect(load_settings(**{**values, **login_as("admin")}))

    def load_odoo(self) -> None:
        """All that Odoo holds: partners, links and taxes too."""
        load(self.settings(), only="odoo")

    def build(self, in_the_middle: Callable[[], None] | None = None) -> None:
        """A night: what Odoo holds is loaded, and everything is built.

        `in_the_middle` is called when a build by hand, which no log knows of, has counted what is
        billed, and before its lines are made; what people read is still the build before.
        """
        if in_the_middle is not None:
            self.rating.rate(COUNTED)
            in_the_middle()
            self.dbt.left_out = COUNTED
        load(self.settings(), only="odoo", tables=list(MOVES))
        build_id = self._begin_build()
        try:
            self.rating.rate(NIGHT)
        finally:
            self.dbt.left_out = ()
        self.rating.execute(END, build_id)

    def _begin_build(self) -> int:
        with (
            closing(self.rating.connect()) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(BEGIN, (self.rating.as_of,))
            return int(cursor.fetchone()[0])  # type: ignore[index]

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        return self.rating.query(statement, *parameters)

    def query_in(self, name: str, statement: str) -> list[dict[str, Any]]:
        """The same in another warehouse."""
        return World(self.cluster.dsn(name, user=OWNER), self.dbt).query(statement)

    def change_policy(self, name: str, value: str) -> None:
        """A policy of the service, in every row of it."""
        self.rating.execute(
            f"update staging.services set {name} = %s where service = 'nexacloud'", value
        )

    def let_a_day_pass(self) -> None:
        """Requests that were never answered are a day old, and no longer at work in Odoo."""
        with closing(psycopg2.connect(self.cluster.dsn(NAME))) as conn, conn, conn.cursor() as cur:
            cur.execute("set session_replication_role = replica")
            cur.execute("update ops.publication_events set at = at - interval '1 day'")

    def copy_to(self, name: str) -> None:
        """The whole warehouse as it is now, under another name: a backup, or a second one."""
        self.cluster.drop_database(name)
        self.cluster.create_database(name, template=NAME, owner=OWNER)

    def restore_ops(self, name: str) -> None:
        """Put schema `ops` back as the copy has it; everything else stays."""
        with (
            closing(psycopg2.connect(self.cluster.dsn(name))) as older,
            closing(psycopg2.connect(self.cluster.dsn(NAME))) as newer,
            older,
            newer,
            older.cursor() as source,
            newer.cursor() as target,
        ):
            target.execute("set session_replication_role = replica")
            _copy_tables(source, target, self.home / "ops.copy")
            _copy_sequences(source, target)


def _copy_tables(source: Any, target: Any, path: Path) -> None:
    source.execute("select tablename from pg_tables where schemaname = 'ops' order by 1")
    names = [f"ops.{name}" for (name,) in source.fetchall()]
    target.execute(f"truncate {', '.join(names)} cascade")
    for name in names:
        with path.open("wb") as out:
            source.copy_expert(f"copy {name} to stdout", out)
        with path.open("rb") as back:
            target.copy_expert(f"copy {name} from stdin", back)


def _copy_sequences(source: Any, target: Any) -> None:
    source.execute(
        "select sequencename, coalesce(last_value, start_value), last_value is not null"
        " from pg_sequences where schemaname = 'ops'"
    )
    for name, value, is_called in source.fetchall():
        target.execute("select setval(%s, %s, %s)", (f"ops.{name}", value, is_called))


def open_world(cluster: Any, dbt: NightlyDbt, odoo: Standin, home: Path) -> BatchWorld:
    """A batch begins: the sample's warehouse as it was built, and what this Odoo holds."""
    cluster.drop_database(NAME)
    cluster.create_database(NAME, template=TEMPLATE, owner=OWNER)
    world = BatchWorld(World(dbt.dsn, dbt), dbt, odoo, cluster, home)
    _forget_the_app(world)
    return world


def _forget_the_app(world: BatchWorld) -> None:
    """The sample's own subscriptions go, and what remembers them: the first build is the first."""
    tables = world.query(
        "select schemaname || '.' || tablename as name from pg_tables"
        " where schemaname in ('raw_nexacloud', 'snapshots')"
    )
    world.rating.execute(f"truncate {', '.join(row['name'] for row in tables)} cascade")
    for name in ("left_out", "by_slice"):
        world.rating.execute(f"drop table intermediate.int_usage_{name} cascade")


def run_odoo(cluster: Any, folder: Path, name: str, template: str) -> Standin:
    """A stand-in with a database of its own; whoever starts it stops it."""
    cluster.drop_database(name)
    cluster.create_database(name, template=template, owner="odoo")
    return start_standin(folder, cluster.dsn(name, user="odoo"))


def link_partners(odoo: OdooPort, users: Sequence[str]) -> dict[str, int]:
    """A customer in Ontario for each user of the app, linked to its account."""
    [state] = odoo.search(
        "res.country.state", [("code", "=", "ON"), ("country_id.code", "=", "CA")]
    )
    [canada] = odoo.search("res.country", [("code", "=", "CA")])
    place = {"state_id": state, "country_id": canada}
    rows = [{"name": user, "email": f"{user}@example.com", **place} for user in users]
    partners = odoo.execute("res.partner", "create", rows)
    [service] = odoo.search("fusion.billing.service", [("code", "=", "nexacloud")])
    links = [
        {"service_id": service, "external_account_id": user, "partner_id": partner}
        for user, partner in zip(users, partners, strict=True)
    ]
    odoo.execute("fusion.billing.account.link", "create", links)
    return dict(zip(users, map(int, partners), strict=True))
