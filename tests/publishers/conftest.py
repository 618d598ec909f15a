"""What tests of publishing share: a migrated warehouse with the contract's marts, and an Odoo."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from publishing_world import World

# How many customers the tests use.
COUNT = 6
ODOOS = {"standin": "first", "later": "later"}


@pytest.fixture
def warehouse_world(warehouse_dsn: str, tmp_path: Path) -> World:
    """A warehouse alone: for decisions, gates and the ledger's own rules."""
    from connections.settings import load_settings

    world = World(load_settings(billing_home=tmp_path / "home", warehouse_dsn=warehouse_dsn))
    world.create_marts()
    return world


@pytest.fixture(
    scope="session", params=["standin", pytest.param("real", marks=pytest.mark.odoo_real)]
)
def shared_odoo(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One Odoo for all: the stand-in, and the real one under `make test-odoo`.

    A test that depends on the build of Odoo names `later` as well.
    """
    if request.param == "real":
        yield request.getfixturevalue("real_odoo")
        return
    from sandbox.standin import start_standin

    cluster = request.getfixturevalue("cluster")
    template = request.getfixturevalue("_odoo_templates")(False)
    folder = request.getfixturevalue("tmp_path_factory").mktemp("odoo")
    build = ODOOS[request.param]
    # pytest may close it and open it again, where tests ask for several in turn.
    name = f"publishing_odoo_{request.param}_{uuid4().hex[:8]}"
    cluster.create_database(name, template=template, owner="odoo")
    standin = start_standin(folder, cluster.dsn(name, user="odoo"), build=build)
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
        **shared_odoo.login,
        billing_as_of="2026-06-03T12:00:00+00:00",
    )
    # A real Odoo remembers earlier sessions: the service's name is new each time.
    service = f"cloud{uuid4().hex[:8]}"
    world = World(settings, service=service, people=getattr(shared_odoo, "people", None))
    world.forget_other_warehouses()
    return world


@pytest.fixture
def customers(world: World) -> SimpleNamespace:
    """Customers in Ontario, and the sale taxes by name."""
    port = world.port("admin")
    partners = _named(port) if world.is_real else _seeded(port)
    taxes = port.search_read(
        "account.tax", [("type_tax_use", "=", "sale"), ("company_id", "=", 1)], ["name"]
    )
    names = {tax["name"]: tax["id"] for tax in taxes}
    if "13% HST" not in names:
        pytest.skip("needs a company with the Canadian chart of accounts")
    return SimpleNamespace(partners=partners, taxes=names)


def _seeded(port: Any) -> list[dict[str, Any]]:
    domain = [("state_id", "!=", False), ("parent_id", "=", False)]
    return list(port.search_read("res.partner", domain, ["name"], order="id", limit=COUNT))


def _named(port: Any) -> list[dict[str, Any]]:
    """Customers of our own in a real Odoo, kept from one session to the next by their names."""
    [state] = port.search(
        "res.country.state", [("code", "=", "ON"), ("country_id.code", "=", "CA")]
    )
    [canada] = port.search("res.country", [("code", "=", "CA")])
    names = [f"Publishing test {number}" for number in range(COUNT)]
    known = {
        row["name"] for row in port.search_read("res.partner", [("name", "in", names)], ["name"])
    }
    for name in names:
        if name not in known:
            values = {"name": name, "state_id": state, "country_id": canada}
            port.execute("res.partner", "create", [values])
    return list(port.search_read("res.partner", [("name", "in", names)], ["name"], order="id"))


@pytest.fixture
def published(world: World, customers: SimpleNamespace) -> World:
    """One draft of 100.00 + 13.00 in Odoo."""
    row = world.line(
        1, partner_id=customers.partners[0]["id"], tax_ids=[customers.taxes["13% HST"]]
    )
    world.propose([row])
    world.approve()
    assert world.publish().created == 1
    return world
