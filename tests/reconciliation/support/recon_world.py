"""The sample in a warehouse of its own, loaded by the real loaders and built by the real models.

In: the session's cluster. Out: a World (see the rating tests) with every mart in it. The warehouse
is made once and cloned; a test that decides things does so in a transaction that is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import people
import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor
from rating_world import OWNER, Dbt, World

from connections.settings import load_settings
from loaders import load
from loaders.schema import ensure_raw_tables
from publishers.migrate import upgrade
from sandbox import nexacloud
from sandbox.rows import AS_OF
from sandbox.sample import build_sample
from sandbox.standin import start_standin

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

NAME = "reconciliation_world"
TEMPLATE = "reconciliation_template"
MARTS = ("+path:dbt_project/models/marts",)


class Ledger:
    """A connection whose decisions are seen by the views and taken back afterwards."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def query(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Run a statement with parameters by place, or with one mapping of them by name."""
        by_name = len(parameters) == 1 and isinstance(parameters[0], dict)
        with self.connection.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(statement, parameters[0] if by_name else parameters or None)
            return [dict(row) for row in cursor] if cursor.description else []

    def one(self, statement: str, *parameters: Any) -> dict[str, Any]:
        rows = self.query(statement, *parameters)
        assert len(rows) == 1, f"{len(rows)} rows: {statement}"
        return rows[0]

    def insert(self, table: str, **values: Any) -> None:
        names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        self.query(f"insert into {table} ({names}) values ({marks})", *values.values())


@contextmanager
def ledger(world: World) -> Iterator[Ledger]:
    with closing(world.connect()) as connection:
        yield Ledger(connection)
        connection.rollback()


def make_sample(cluster: Cluster, folder: Path) -> World:
    """Load the sample and build everything; the answer is the world that every test starts from."""
    for role in (OWNER, "odoo", nexacloud.OWNER, nexacloud.READER):
        cluster.ensure_role(role)
    cluster.create_database(NAME, owner=OWNER)
    dsn = cluster.dsn(NAME, user=OWNER)
    _load(cluster, folder, dsn)
    dbt = Dbt(dsn, folder)
    dbt.parse()
    world = World(dsn, dbt)
    build(world, ("*",), types=("seed", "model"))
    cluster.create_database(TEMPLATE, template=NAME, owner=OWNER)
    return world


def _load(cluster: Cluster, folder: Path, warehouse: str) -> None:
    upgrade(warehouse)
    people.add(warehouse)
    with closing(psycopg2.connect(warehouse)) as connection, connection:
        ensure_raw_tables(connection)
    app = cluster.create_database("reconciliation_nexacloud", owner=nexacloud.OWNER)
    with closing(psycopg2.connect(app)) as connection, connection:
        nexacloud.create_tables(connection)
        nexacloud.fill(connection, build_sample())
    cluster.create_database("reconciliation_odoo", owner="odoo")
    odoo = start_standin(folder / "odoo", cluster.dsn("reconciliation_odoo", user="odoo"))
    try:
        load(
            load_settings(
                billing_home=folder / "home",
                warehouse_dsn=warehouse,
                nexacloud_dsn=cluster.dsn("reconciliation_nexacloud", user=nexacloud.READER),
                odoo_url=odoo.url,
                odoo_db=odoo.db,
                **odoo.login,
                billing_as_of=AS_OF,
            )
        )
    finally:
        odoo.stop()


def build(
    world: World,
    select: Sequence[str],
    variables: Mapping[str, Any] | None = None,
    types: Sequence[str] = ("model",),
) -> None:
    world.record()
    given = {"as_of": AS_OF.isoformat(), **(variables or {})}
    world.dbt.build(select, given, types=types)


def restore(cluster: Cluster, world: World) -> World:
    """Put the sample back as it was built."""
    cluster.drop_database(NAME)
    cluster.create_database(NAME, template=TEMPLATE, owner=OWNER)
    return world
