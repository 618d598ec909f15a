"""Whatever breaks, whenever: every record is in Odoo once, as it is wanted, and bills nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from import_world import FRESH, PROPOSALS, World

if TYPE_CHECKING:
    from import_schedule import Nursery

    from sandbox.postgres import Cluster

SUPPORT = Path(__file__).parent / "support"
PUBLISHING = Path(__file__).parents[1] / "publishers" / "support"
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(PUBLISHING))


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    from import_schedule import Nursery

    with pytest.MonkeyPatch.context() as patch:
        path = [str(SUPPORT), str(PUBLISHING), str(ROOT), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(path))
        nursery = Nursery()
        yield nursery
        nursery.stop()


@pytest.fixture(scope="module")
def odoo(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An Odoo that nobody imported into, shared by all schedules."""
    from sandbox.odoo_standin.seed import prepare
    from sandbox.standin import start_standin

    cluster.ensure_role("odoo")
    cluster.create_database("import_faults_odoo", owner="odoo")
    dsn = cluster.dsn("import_faults_odoo", user="odoo")
    prepare(dsn, empty=True)
    standin = start_standin(tmp_path_factory.mktemp("odoo"), dsn)
    yield standin
    standin.stop()
    cluster.drop_database("import_faults_odoo")


def _world(warehouse_dsn: str, odoo: Any, home: Path) -> World:
    from connections.settings import load_settings
    from sandbox.standin import login_as

    world = World(
        load_settings(
            billing_home=home,
            warehouse_dsn=warehouse_dsn,
            odoo_url=odoo.url,
            odoo_db=odoo.db,
            **odoo.login,
            **login_as(odoo.importer, "import"),
            billing_as_of="2026-06-03T12:00:00+00:00",
        )
    )
    world.query(PROPOSALS)
    world.query(FRESH)
    return world


def _play_all(
    seeds: range, cluster: Any, database: Any, template: str, odoo: Any, nursery: Any, home: Path
) -> dict[int, list[str]]:
    from import_schedule import play

    address = urlsplit(odoo.url)
    wrong = {}
    for seed in seeds:
        dsn = database(template, "fusion_billing")
        world = _world(dsn, odoo, home)
        if found := play(seed, world, nursery, (str(address.hostname), address.port or 80)):
            wrong[seed] = found
        cluster.drop_database(dsn.rsplit("/", 1)[1])
    return wrong


@pytest.fixture
def play_all(
    cluster: Any,
    database: Any,
    _warehouse_template: str,
    odoo: Any,
    nursery: Any,
    tmp_path: Path,
) -> Any:
    """Play the schedules of some seeds; what is wrong, by seed."""

    def play_seeds(seeds: range) -> dict[int, list[str]]:
        return _play_all(seeds, cluster, database, _warehouse_template, odoo, nursery, tmp_path)

    return play_seeds


def test_fifty_seeded_schedules_make_nothing_twice(play_all: Any) -> None:
    assert play_all(range(50)) == {}


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_a_thousand_seeded_schedules_make_nothing_twice(
    play_all: Any, request: pytest.FixtureRequest
) -> None:
    assert play_all(range(1000, 1000 + request.config.getoption("--seeds"))) == {}
