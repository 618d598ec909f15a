"""An import into whatever Odoo 19 there is: the stand-in, and one that ODOO_* names.

Who writes has the least rights; what the Odoo cannot hold is left out and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from import_world import FRESH, PROPOSALS, World

import loaders
from connections import Settings, load_settings
from connections.odoo import OdooPort
from sandbox.standin import login_as

CONTRACT = {"service", "metric", "account_link", "charge"}


class AnyWorld(World):
    """A world whose Odoo may be a real one. `run` keeps its records apart from all others."""

    people: dict[str, dict[str, str]]
    run: str

    def port(self, user: str = "admin") -> OdooPort:
        given = {n: getattr(self.settings, n) for n in type(self.settings).model_fields}
        return OdooPort.connect(load_settings(**given | self.people[user]))


@pytest.fixture(params=["standin", pytest.param("real", marks=pytest.mark.odoo_real)])
def world(request: pytest.FixtureRequest, warehouse_dsn: str, tmp_path: Any) -> AnyWorld:
    if request.param == "real":
        odoo = request.getfixturevalue("real_odoo")
        people = dict(odoo.people)
    else:
        odoo = request.getfixturevalue("odoo")
        people = {name: login_as(name) for name in ("admin", "readonly", "importer")}
    importer = {
        name.replace("odoo_", "odoo_import_"): text for name, text in people["importer"].items()
    }
    settings: Settings = load_settings(
        billing_home=tmp_path,
        warehouse_dsn=warehouse_dsn,
        odoo_url=odoo.url,
        odoo_db=odoo.db,
        **people["readonly"],
        **importer,
    )
    world = AnyWorld(settings)
    world.people, world.run = people, uuid4().hex[:8]
    world.query(PROPOSALS)
    world.query(FRESH)
    world.propose(_records(world.run))
    return world


def _records(run: str) -> list[dict[str, Any]]:
    """One record of each kind, of a service of this run."""
    keys = {kind: f"{kind}:{run}:1" for kind in ("partner", "account_link", "product", "order")}
    keys |= {"service": f"service:{run}", "metric": f"metric:{run}", "charge": f"charge:{run}:1:m"}
    wanted: dict[str, dict[str, Any]] = {
        "service": {"code": run, "name": run},
        "metric": {"code": run, "name": "CPU seconds", "aggregation": "sum"},
        "partner": {
            "name": f"Import test {run}", "ref": f"{run}-1", "email": f"{run}@x.example",
            "active": True, "is_company": True, "country_id": "CA", "state_id": "AB",
        },
        "account_link": {
            "service_id": keys["service"], "partner_id": keys["partner"],
            "external_account_id": f"{run}-1",
        },
        "product": {
            "name": "VPS", "default_code": f"{run}-vps", "list_price": "12.5", "active": True,
        },
        "charge": {
            "service_id": keys["service"], "metric_id": keys["metric"], "plan_code": run,
            "included_quantity": "36000", "price_per_unit": "0.000123", "currency_id": "CAD",
            "active": True,
        },
        "order": {
            "partner_id": keys["partner"], "client_order_ref": f"{run}-s", "active": True,
            "x_fc_nexacloud_subscription_id": f"{run}-s", "date_order": "2026-05-01 14:00:00",
            "order_line/product_id": keys["product"], "order_line/name": "VPS",
            "order_line/price_unit": "12.5",
        },
    }  # fmt: skip
    return [
        {
            "import_key": keys[kind], "kind": kind, "title": kind, "wanted": values,
            "currency": "CAD" if kind in ("product", "order") else None,
        }
        for kind, values in wanted.items()
    ]  # fmt: skip


def test_one_of_each_kind_comes_in_once_as_a_shadow(world: AnyWorld) -> None:
    report = world.go()
    assert report.is_ok, report.failed
    created = {kind for kind, n in report.counts.items() if n["created"]}
    assert created | set(report.left_out) == {*CONTRACT, "partner", "product", "order"}
    assert set(report.left_out) in (set(), CONTRACT)
    again = world.go()
    assert again.is_ok
    assert again.totals["unchanged"] == len(created)
    [partner] = world.find("res.partner", [("ref", "=", f"{world.run}-1")], "state_id")
    assert "Alberta" in partner["state_id"][1]
    orders = [("client_order_ref", "=", f"{world.run}-s")]
    [order] = world.find("sale.order", orders, "state", "amount_untaxed", "currency_id")
    assert (order["state"], order["amount_untaxed"]) == ("draft", 12.5)
    if report.left_out:
        return
    loaders.load(world.settings, only="odoo")
    assert world.query(
        "select charge.plan_code, charge.price_per_unit, charge.plan_id, link.external_account_id,"
        " sale.x_fc_nexacloud_subscription_id, sale.plan_id"
        " from raw_odoo.fusion_billing_charge as charge"
        " join raw_odoo.fusion_billing_account_link as link using (service_id)"
        " join raw_odoo.sale_order as sale on sale.partner_id = link.partner_id"
        " where charge.plan_code = %s",
        world.run,
    ) == [(world.run, Decimal("0.000123"), None, f"{world.run}-1", f"{world.run}-s", None)]


# -------------------------------------------------------------------------------------- pricelists


@pytest.fixture
def dollars(world: AnyWorld) -> Iterator[int]:
    """A pricelist in US dollars, which nobody has yet."""
    port = world.port()
    [usd] = port.search("res.currency", [("name", "=", "USD")], context={"active_test": False})
    port.execute("res.currency", "write", [usd], {"active": True})
    values = {"name": f"US {world.run}", "currency_id": usd, "sequence": 90}
    [pricelist] = port.execute("product.pricelist", "create", [values])
    yield pricelist
    world.write("product.pricelist", pricelist, active=False)


def _own_pricelist(world: AnyWorld) -> tuple[int, str]:
    [partner] = world.find("res.partner", [("ref", "=", f"{world.run}-1")])
    return partner["id"], "specific_property_product_pricelist"


def _need_pricelists(world: AnyWorld, partner: int, pricelist: int) -> None:
    [found] = world.port().read("res.partner", [partner], ["property_product_pricelist"])
    if (found["property_product_pricelist"] or [None])[0] != pricelist:
        pytest.skip("pricelists are switched off in this Odoo: every order is in its own currency")


def test_an_order_waits_while_its_customer_s_pricelist_is_in_another_currency(
    world: AnyWorld, dollars: int
) -> None:
    """Odoo would take 12.50 CAD for 12.50 USD without a word: the number is kept as sent."""
    order = f"order:{world.run}:1"
    others = [row["import_key"] for row in _records(world.run) if row["kind"] != "order"]
    left_out = world.look().left_out
    assert world.go(rows=others).is_ok
    partner, field = _own_pricelist(world)
    world.write("res.partner", partner, **{field: dollars})
    _need_pricelists(world, partner, dollars)
    row = world.row(world.look(), order)
    assert row["action"] == "conflict"
    assert "in CAD, and Odoo would read it as USD" in row["reason"]
    assert not world.go().is_ok
    assert world.count("sale.order", [("client_order_ref", "=", f"{world.run}-s")]) == 0

    world.write("res.partner", partner, **{field: False})
    assert world.go().is_ok
    assert world.look().totals["unchanged"] == 7 - len(left_out)


def test_an_order_that_a_person_moved_to_another_currency_is_a_conflict(
    world: AnyWorld, dollars: int
) -> None:
    assert world.go().is_ok
    key = f"order:{world.run}:1"
    [order] = world.find("sale.order", [("client_order_ref", "=", f"{world.run}-s")])
    world.write("sale.order", order["id"], pricelist_id=dollars)
    world.want(key, **{"order_line__price_unit": "99"})
    row = world.row(world.go(), key)
    assert row["action"] == "conflict"
    assert f"give order {order['id']} a pricelist in CAD" in row["reason"]
    [line] = world.find("sale.order.line", [("order_id", "=", order["id"])], "price_unit")
    assert line["price_unit"] == 12.5


def test_a_customer_who_gets_a_foreign_pricelist_on_creation_gets_no_order(
    world: AnyWorld, dollars: int
) -> None:
    """What a new customer gets nobody knows before he is there: asked between the two."""
    world.write("product.pricelist", dollars, sequence=-1)
    key = f"order:{world.run}:1"
    assert world.row(world.look(), key)["action"] == "create"
    report = world.go()
    partner, _ = _own_pricelist(world)
    _need_pricelists(world, partner, dollars)
    assert list(report.failed) == [key]
    assert "in CAD, and Odoo would read it as USD" in report.failed[key]
    assert world.count("sale.order", [("client_order_ref", "=", f"{world.run}-s")]) == 0
    assert world.row(world.look(), key)["action"] == "conflict"
