"""An Odoo that holds nothing of NexaCloud: what comes in, what stays ours, what a person changed.

The tests of this module are one story over one Odoo: each begins where the one before ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from import_world import PERSON, World, watch

from publishers.importer import ImportRefused, ImportReport, take
from publishers.importer.guard import READS

LIVE, PLANS = 46, 204
CREATED = {
    "service": 1, "metric": 1, "partner": 7, "account_link": 7, "product": PLANS + 1,
    "charge": PLANS, "order": LIVE,
}  # fmt: skip
MODELS = (
    "res.partner", "product.template", "sale.order", "fusion.billing.charge",
    "fusion.billing.account.link",
)  # fmt: skip


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def world(make_world: Callable[..., World], patch: pytest.MonkeyPatch) -> World:
    world = make_world("import_empty", empty=True)
    watch(world, patch)
    return world


@pytest.fixture(scope="module")
def before(world: World) -> dict[str, int]:
    return {model: world.count(model) for model in MODELS}


@pytest.fixture(scope="module")
def imported(world: World, before: dict[str, int]) -> ImportReport:
    report = world.look()
    assert {kind: n["created"] for kind, n in report.counts.items()} == CREATED
    assert {model: world.count(model) for model in MODELS} == before
    done = world.go(plan=report.plan)
    assert done.is_ok, done.failed
    return done


def test_all_that_is_sold_held_or_live_comes_in_and_nothing_else(
    world: World, imported: ImportReport, before: dict[str, int]
) -> None:
    assert {kind: n["created"] for kind, n in imported.counts.items()} == CREATED
    came = {model: world.count(model) - before[model] for model in MODELS}
    assert came == {
        "res.partner": 7, "product.template": PLANS + 1, "sale.order": LIVE,
        "fusion.billing.charge": PLANS, "fusion.billing.account.link": 7,
    }  # fmt: skip


def test_again_changes_nothing(world: World, imported: ImportReport) -> None:
    again = world.go()
    assert again.is_ok
    assert {kind: n["unchanged"] for kind, n in again.counts.items()} == CREATED
    assert world.query(
        "select count(*) from ops.import_events where run_id = %s", again.run_id
    ) == [(0,)]


def test_an_order_is_a_draft_at_the_flat_price_with_the_province_s_tax(
    world: World, imported: ImportReport
) -> None:
    orders = world.find(
        "sale.order", [("origin", "=", "NexaCloud import")],
        "state", "plan_id", "order_line", "partner_id", "x_fc_nexacloud_subscription_id",
    )  # fmt: skip
    assert {order["state"] for order in orders} == {"draft"}
    assert not any(order["plan_id"] for order in orders)
    assert {len(order["order_line"]) for order in orders} == {1}
    ids = {order["x_fc_nexacloud_subscription_id"]: order for order in orders}
    prices = world.query(
        "select s.id, p.price, u.province from raw_nexacloud.subscriptions as s"
        " join raw_nexacloud.plans as p on p.id = s.plan_id"
        " join raw_nexacloud.users as u on u.id = s.user_id where s.cancelled_at is null"
    )
    taxes = {"ON": "13% HST", "QC": "14.975% GST+QST", "AB": "5% GST", "BC": "12% GST+PST BC"}
    for subscription, price, province in prices:
        [line] = world.find(
            "sale.order.line", [("order_id", "=", ids[subscription]["id"])],
            "price_unit", "product_uom_qty", "tax_ids",
        )  # fmt: skip
        assert (line["price_unit"], line["product_uom_qty"]) == (price, 1)
        [tax] = world.find("account.tax", [("id", "in", line["tax_ids"])], "name")
        assert tax["name"] == taxes[province]


def test_a_partner_has_its_province_by_id_and_its_link(
    world: World, imported: ImportReport
) -> None:
    links = world.find("fusion.billing.account.link", [], "external_account_id", "partner_id")
    partners = {
        p["ref"]: p for p in world.find("res.partner", [("ref", "!=", False)], "ref", "state_id")
    }
    assert {(x["external_account_id"], x["partner_id"][0]) for x in links} == {
        (ref, p["id"]) for ref, p in partners.items()
    }
    provinces = {p["state_id"][1] for p in partners.values()}
    assert provinces == {"Ontario (CA)", "Quebec (CA)", "Alberta (CA)", "British Columbia (CA)"}


def test_no_call_could_bill_anybody(world: World, imported: ImportReport) -> None:
    """Over everything that this module did so far, and it has imported all there is."""
    written = [call for call in world.calls if call[1] not in READS]
    assert {method for _, method, _, _ in written} == {"load"}
    forbidden = {"state", "plan_id", "subscription_state", "is_subscription", "auto_post"}
    for model, _, (columns, _), _ in written:
        assert not {name.split("/")[0] for name in columns} & forbidden, model
        assert not [name for name in columns if "token" in name or "payment" in name], model
    assert not [model for model, _, _, _ in written if model.startswith(("account.", "payment."))]


def test_a_new_price_and_a_new_name_are_updates_of_just_those_fields(
    world: World, imported: ImportReport
) -> None:
    key = _order_key(world)
    world.want(key, order_line__price_unit="61.5", order_line__name="Renamed")
    row = world.row(world.look(), key)
    assert row["action"] == "update"
    assert row["changes"]["order_line/price_unit"]["new"] == "61.5"
    world.calls.clear()
    report = world.go()
    assert report.totals["updated"] == 1
    writes = [call for call in world.calls if call[1] == "write"]
    assert [(model, kwargs or args[1]) for model, _, args, kwargs in writes] == [
        ("sale.order.line", {"name": "Renamed", "price_unit": "61.5"} | writes[0][3])
    ]
    assert world.look().totals["unchanged"] == sum(CREATED.values())


def test_what_a_person_changed_stays_and_is_said(world: World, imported: ImportReport) -> None:
    key, odoo_id = _partner(world)
    world.write("res.partner", odoo_id, email="accounts@customer.example")
    row = world.row(world.look(), key)
    assert row["action"] == "unchanged"
    assert row["kept"]["email"]["theirs"] == "accounts@customer.example"
    world.want(key, email="new@app.example")
    row = world.row(world.look(), key)
    assert row["action"] == "conflict"
    assert not world.go().is_ok
    [partner] = world.find("res.partner", [("id", "=", odoo_id)], "email")
    assert partner["email"] == "accounts@customer.example"

    take(world.settings, key, "theirs", by=PERSON, why="accounting asked for it")
    assert world.look().is_ok
    world.want(key, email="newer@app.example")
    assert world.row(world.look(), key)["action"] == "update"
    assert world.go().is_ok
    [partner] = world.find("res.partner", [("id", "=", odoo_id)], "email")
    assert partner["email"] == "newer@app.example"


def test_a_link_that_was_moved_in_odoo_is_a_conflict_and_no_overwrite(
    world: World, imported: ImportReport
) -> None:
    link, *_ = world.find("fusion.billing.account.link", [], "external_account_id", "partner_id")
    other = next(
        p["id"]
        for p in world.find("res.partner", [("ref", "!=", False)])
        if p["id"] != link["partner_id"][0]
    )
    world.write("fusion.billing.account.link", link["id"], partner_id=other)
    key = f"account_link:nexacloud:{link['external_account_id']}"
    assert world.row(world.go(), key)["action"] == "conflict"
    [now] = world.find("fusion.billing.account.link", [("id", "=", link["id"])], "partner_id")
    assert now["partner_id"][0] == other
    assert take(world.settings, key, "ours", by=PERSON, why="a mistake").action == "update"
    assert world.go().is_ok
    [now] = world.find("fusion.billing.account.link", [("id", "=", link["id"])], "partner_id")
    assert now["partner_id"] == link["partner_id"]


def test_what_a_person_deleted_does_not_come_back_by_itself(
    world: World, imported: ImportReport
) -> None:
    key = _order_key(world)
    [(odoo_id,)] = world.query("select odoo_id from ops.import_rows where import_key = %s", key)
    world.port().execute("sale.order", "unlink", [odoo_id])
    assert "deleted in Odoo" in world.row(world.go(), key)["reason"]
    assert take(world.settings, key, "theirs", by=PERSON, why="sold by hand").action == "skip"
    assert world.look().is_ok
    with pytest.raises(ImportRefused, match="in no conflict"):
        take(world.settings, key, "ours", by=PERSON, why="again")


def test_a_charge_that_bills_by_itself_is_a_conflict(world: World, imported: ImportReport) -> None:
    charge, *_ = world.find("fusion.billing.charge", [], "plan_code")
    [plan] = world.port().execute(
        "sale.subscription.plan", "create",
        [{"name": "Monthly", "billing_period_value": 1, "billing_period_unit": "month"}],
    )  # fmt: skip
    world.write("fusion.billing.charge", charge["id"], plan_id=plan)
    row = world.row(world.look(), f"charge:nexacloud:{charge['plan_code']}:cpu_seconds")
    assert row["action"] == "conflict"
    assert "bills by itself" in row["reason"]
    world.write("fusion.billing.charge", charge["id"], plan_id=False)


def test_a_row_that_fails_is_named_and_stops_no_other(world: World, imported: ImportReport) -> None:
    good, bad = _new_product(world, "good", "10"), _new_product(world, "bad", "10")
    world.want(bad, name=None)
    report = world.go()
    assert not report.is_ok
    assert list(report.failed) == [bad]
    assert report.failed[bad]
    assert world.row(report, good)["outcome"] == "created"
    assert report.totals["failed"] == 1
    world.want(bad, name="Bad no more")
    assert world.go().totals["created"] == 1


def test_a_customer_whose_address_somebody_has_by_now_is_not_made_twice(
    world: World, imported: ImportReport
) -> None:
    world.port().execute("res.partner", "create", {"name": "Zoe", "email": "ZOE@new.example"})
    key = "partner:nexacloud:zoe"
    _insert(world, key, "partner", name="Zoe Ltd", email="zoe@new.example", ref="zoe", active=True)
    row = world.row(world.go(), key)
    assert row["action"] == "conflict"
    assert "has its e-mail" in row["reason"]
    assert world.count("res.partner", [("ref", "=", "zoe")]) == 0
    _delete(world, key)


def test_a_canadian_without_a_known_province_is_no_partner_yet(
    world: World, imported: ImportReport
) -> None:
    for number, (province, why) in enumerate(
        {None: "names no province", "XX": "no province XX"}.items()
    ):
        key = f"partner:nexacloud:p{number}"
        _insert(
            world, key, "partner",
            name="P", email=None, ref=f"p{number}", country_id="CA", state_id=province, active=True,
        )  # fmt: skip
        assert why in world.row(world.look(), key)["reason"]
        _delete(world, key)


def test_undo_takes_back_what_a_run_made_and_says_what_it_cannot(
    world: World, imported: ImportReport
) -> None:
    before = world.undo(imported.run_id)
    reasons = {row["kind"]: row["reason"] for row in before.rows if row["action"] == "skip"}
    assert "cannot be archived" in reasons["account_link"]
    report = world.undo(imported.run_id, go=True, rows=["all"])
    assert report.is_ok, report.failed
    assert world.count("sale.order", [("state", "=", "draft")]) == 0
    assert world.count("res.partner", [("ref", "!=", False), ("active", "=", True)]) == 0
    assert world.count("fusion.billing.charge", [("active", "=", True)]) == 0
    # What was taken back may be imported once more: it is ours, so it comes back as it was.
    again = world.go()
    assert again.is_ok, again.failed
    assert again.totals["created"] == 0
    assert world.count("sale.order", [("state", "=", "draft")]) == LIVE - 1
    assert world.count("res.partner", [("ref", "!=", False), ("active", "=", True)]) == 7


def _order_key(world: World) -> str:
    [(key,)] = world.query(
        "select min(import_key) from ops.import_rows where kind = 'order' and state = 'done'"
    )
    return str(key)


def _partner(world: World) -> tuple[str, int]:
    [row] = world.query(
        "select import_key, odoo_id from ops.import_rows where kind = 'partner' order by 1 limit 1"
    )
    return str(row[0]), int(row[1])


def _insert(world: World, key: str, kind: str, **wanted: Any) -> None:
    from psycopg2.extras import Json

    world.query(
        "insert into intermediate.int_odoo_import_records"
        " (import_key, kind, title, wanted, is_extra_deployment) values (%s, %s, %s, %s, false)",
        key, kind, key, Json(wanted),
    )  # fmt: skip


def _delete(world: World, key: str) -> None:
    world.query("delete from intermediate.int_odoo_import_records where import_key = %s", key)


def _new_product(world: World, code: str, price: str) -> str:
    key = f"product:nexacloud:{code}"
    _insert(world, key, "product", name=code, default_code=code, list_price=price, active=True)
    return key
