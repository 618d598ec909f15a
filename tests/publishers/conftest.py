"""What tests of publishing share: a migrated warehouse with the contract's marts, and an Odoo."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from publishing_world import World

_services = count(1)


@pytest.fixture
def warehouse_world(warehouse_dsn: str, tmp_path: Path) -> World:
    """A warehouse alone: for decisions, gates and the ledger's own rules."""
    from connections.settings import load_settings

    world = World(load_settings(billing_home=tmp_path / "home", warehouse_dsn=warehouse_dsn))
    world.create_marts()
    return world


@pytest.fixture(scope="session")
def shared_odoo(
    cluster: Any,
    _odoo_templates: Callable[[bool], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """One Odoo for all tests of publishing: starting one takes longer than most of them."""
    from sandbox.standin import start_standin

    name = "publishing_odoo"
    cluster.create_database(name, template=_odoo_templates(False), owner="odoo")
    standin = start_standin(tmp_path_factory.mktemp("odoo"), cluster.dsn(name, user="odoo"))
    yield standin
    standin.stop()


@pytest.fixture
def world(warehouse_world: World, shared_odoo: Any, tmp_path: Path) -> World:
    """A warehouse of one's own, a service of one's own, and the shared Odoo."""
    from connections.settings import load_settings

    settings = load_settings(
        billing_home=tmp_path / "home",
        warehouse_dsn=warehouse_world.settings.warehouse_dsn,
        odoo_url=shared_odoo.url,
        odoo_db=shared_odoo.db,
        odoo_user=shared_odoo.user,
        odoo_password=shared_odoo.password,
        billing_as_of="2026-06-03T12:00:00+00:00",
    )
    return World(settings, service=f"cloud{next(_services)}")


@pytest.fixture
def customers(world: World) -> SimpleNamespace:
    """Partners of the seed, and the sale taxes by name."""
    port = world.port()
    partners = port.search_read(
        "res.partner", [("state_id", "!=", False)], ["name", "state_id"], order="id"
    )
    taxes = port.search_read(
        "account.tax", [("type_tax_use", "=", "sale"), ("company_id", "=", 1)], ["name"]
    )
    return SimpleNamespace(partners=partners, taxes={tax["name"]: tax["id"] for tax in taxes})
