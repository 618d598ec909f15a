"""Worlds for the importer: the sample as it was built, and an Odoo with or without its remains."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
from import_world import FRESH, World

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

AS_OF = "2026-06-03T12:00:00+00:00"


@pytest.fixture(scope="module")
def make_world(
    cluster: Cluster, built_sample: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., World]]:
    """Make a World over a copy of the built sample: `make_world(name, empty=..., community=...)`.

    `empty`: nobody ever imported anything into its Odoo.
    """
    from recon_world import TEMPLATE

    from connections.settings import load_settings
    from sandbox.odoo_standin.seed import prepare
    from sandbox.standin import login_as, start_standin

    standins, databases = [], []

    def make(name: str, *, empty: bool = False, community: bool = False) -> World:
        folder = tmp_path_factory.mktemp(name)
        cluster.create_database(f"{name}_warehouse", template=TEMPLATE, owner="fusion_billing")
        cluster.create_database(f"{name}_odoo", owner="odoo")
        databases.extend([f"{name}_warehouse", f"{name}_odoo"])
        odoo_dsn = cluster.dsn(f"{name}_odoo", user="odoo")
        prepare(odoo_dsn, empty=empty, community=community)
        standin = start_standin(folder, odoo_dsn, community=community)
        standins.append(standin)
        settings = load_settings(
            billing_home=folder,
            warehouse_dsn=cluster.dsn(f"{name}_warehouse", user="fusion_billing"),
            odoo_url=standin.url,
            odoo_db=standin.db,
            **standin.login,
            **login_as(standin.importer, "import"),
            billing_as_of=AS_OF,
        )
        world = World(settings)
        with closing(psycopg2.connect(settings.warehouse_dsn)) as conn, conn:
            with conn.cursor() as cursor:
                cursor.execute(FRESH)
                if empty or community:
                    cursor.execute(
                        "update intermediate.int_odoo_import_records set known_odoo_id = null"
                    )
        return world

    yield make
    for standin in standins:
        standin.stop()
    for database in databases:
        cluster.drop_database(database)
