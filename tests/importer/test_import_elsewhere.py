"""A Community Odoo, a user without rights, orders per deployment, and the next build's identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from import_world import FRESH, World

from connections.settings import load_settings
from publishers.importer import try_connection
from publishers.importer.guard import ShadowBroken, ShadowPort
from sandbox.standin import login_as

if TYPE_CHECKING:
    from sandbox.postgres import Cluster


def _as(world: World, **changes: Any) -> World:
    given = {name: getattr(world.settings, name) for name in type(world.settings).model_fields}
    return World(load_settings(**given | changes))


@pytest.fixture(scope="module")
def community(make_world: Callable[..., World]) -> World:
    return make_world("import_community", community=True)


def test_a_community_gets_what_it_can_hold_and_is_told_the_rest(community: World) -> None:
    report = community.go()
    assert report.is_ok, report.failed
    assert set(report.left_out) == {"service", "metric", "account_link", "charge"}
    assert {k: n["created"] for k, n in report.counts.items() if n["created"]} == {
        "partner": 7, "product": 205, "order": 46,
    }  # fmt: skip
    assert any("x_fc_nexacloud_subscription_id" in note for note in report.notes)
    again = community.go()
    assert again.totals["unchanged"] == 7 + 205 + 46
    assert community.count("sale.order") == 46


def test_orders_per_deployment_add_one_for_each_further_one_at_no_price(community: World) -> None:
    world = _as(community, billing_import_orders_per="deployment")
    report = world.go()
    assert report.counts["order"]["created"] == 1
    [order] = world.find("sale.order", [("client_order_ref", "like", "/")], "order_line")
    [line] = world.find("sale.order.line", [("id", "in", order["order_line"])], "price_unit")
    assert line["price_unit"] == 0
    assert community.prune().counts["order"]["archived"] == 1


def test_a_user_without_rights_is_told_which_and_writes_nothing(community: World) -> None:
    world = _as(community, **login_as("readonly", "import"))
    trial = try_connection(world.settings)
    assert not trial.is_ok
    missing = {model["model"]: model["fix"] for model in trial.models}
    assert "base.group_partner_manager" in missing["res.partner"]
    assert "all_leads" in missing["sale.order"]
    assert try_connection(community.settings).is_ok
    world.query("update ops.import_rows set state = 'proposed', odoo_id = null, origin = null")
    key = "product:nexacloud:by-nobody"
    world.query(
        "insert into intermediate.int_odoo_import_records"
        " (import_key, kind, title, wanted, is_extra_deployment) values (%s, 'product', 'x', %s,"
        " false)",
        key, '{"name": "x", "default_code": "by-nobody", "list_price": "1", "active": true}',
    )  # fmt: skip
    report = world.go(rows=[key])
    assert "grant" in report.failed[key]
    assert world.count("product.template", [("default_code", "=", "by-nobody")]) == 0


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("sale.order", {"state": "sale"}),
        ("sale.order", {"plan_id": 1}),
        ("fusion.billing.charge", {"plan_id": 1}),
        ("account.move", {"ref": "x"}),
        ("payment.token", {"active": True}),
        ("res.users", {"active": False}),
    ],
)
def test_the_guard_refuses_what_could_bill(model: str, values: dict[str, Any]) -> None:
    port = ShadowPort(None)  # type: ignore[arg-type]  # nothing may reach it
    with pytest.raises(ShadowBroken):
        port.write(model, 1, values)
    with pytest.raises(ShadowBroken):
        port.load(model, ["id", *values], [["x", "1"]])


@pytest.mark.parametrize("method", ["action_confirm", "unlink", "action_post", "create"])
def test_the_guard_knows_two_methods_of_orders(method: str) -> None:
    with pytest.raises(ShadowBroken):
        ShadowPort(None).act("sale.order", method, 1)  # type: ignore[arg-type]


# ------------------------------------------------------------------------- the next build


@pytest.fixture
def next_build(
    cluster: Cluster, built_sample: Any, make_world: Callable[..., World]
) -> Iterator[Callable[..., World]]:
    """Import into an empty Odoo, load it, build again: the world as the next night finds it."""
    from recon_world import build, restore

    from loaders import load
    from sandbox.rows import AS_OF

    def made(*, community: bool) -> World:
        name = "import_night_community" if community else "import_night"
        imported = make_world(name, empty=True, community=community)
        assert imported.go().is_ok
        world = _as(imported, warehouse_dsn=built_sample.dsn, billing_as_of=AS_OF)
        world.query(FRESH)
        columns = "import_key, kind, title, external_id, odoo_id, origin, state, written, action"
        for row in imported.query(f"select {columns} from ops.import_rows"):
            from psycopg2.extras import Json

            world.query(
                f"insert into ops.import_rows ({columns}) values ({', '.join(['%s'] * 9)})",
                *(Json(value) if isinstance(value, dict) else value for value in row),
            )
        if community:  # the copy knows the links of the Odoo before
            world.query(
                "truncate raw_odoo.fusion_billing_account_link,"
                " snapshots.odoo_fusion_billing_account_link"
            )
        load(world.settings, tables=_odoo_tables(), full=True, allow_shrink=True)
        build(built_sample, ("+odoo_import_proposals",))
        world.query(FRESH)
        return world

    yield made
    restore(cluster, built_sample)


def _odoo_tables() -> list[str]:
    from loaders.tables import ALL

    return [f"{table.schema}.{table.name}" for table in ALL if table.source == "odoo"]


@pytest.mark.parametrize("community", [False, True])
def test_the_next_build_knows_the_imported_partners_and_proposes_nothing(
    next_build: Callable[..., World], community: bool
) -> None:
    world = next_build(community=community)
    rules = world.query(
        "select distinct match_rule, problem from intermediate.int_customer_partners"
        " where service = 'nexacloud' and valid_until is null"
    )
    assert rules == [("imported" if community else "account_link", None)]
    report = world.look()
    assert report.is_ok
    totals = {name: n for name, n in report.totals.items() if n}
    assert set(totals) == {"unchanged", "skipped"}
    assert world.go().totals["unchanged"] == totals["unchanged"]
