"""What tests of publishing share: a migrated warehouse with the contract's marts, and an Odoo."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from publishing_world import World


@pytest.fixture
def warehouse_world(warehouse_dsn: str, tmp_path: Path) -> World:
    """A warehouse alone: for decisions, gates and the ledger's own rules."""
    from connections.settings import load_settings

    world = World(load_settings(billing_home=tmp_path / "home", warehouse_dsn=warehouse_dsn))
    world.create_marts()
    return world


@pytest.fixture
def world(warehouse_world: World, odoo: Any, tmp_path: Path) -> World:
    """A warehouse and an Odoo."""
    from connections.settings import load_settings

    settings = load_settings(
        billing_home=tmp_path / "home",
        warehouse_dsn=warehouse_world.settings.warehouse_dsn,
        odoo_url=odoo.url,
        odoo_db=odoo.db,
        odoo_user=odoo.user,
        odoo_password=odoo.password,
        billing_as_of="2026-06-03T12:00:00+00:00",
    )
    return World(settings)


@pytest.fixture
def customers(world: World) -> SimpleNamespace:
    """Partners of the seed by province, and the sale taxes by name."""
    port = world.port()
    partners = port.search_read("res.partner", [], ["name", "state_id"], order="id")
    taxes = port.search_read(
        "account.tax", [("type_tax_use", "=", "sale"), ("company_id", "=", 1)], ["name"]
    )
    return SimpleNamespace(partners=partners, taxes={tax["name"]: tax["id"] for tax in taxes})
