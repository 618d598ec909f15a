"""The sample as the old importer left it: what is there is kept, what nobody uses may go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from import_world import PERSON, World

from publishers.importer import ImportRefused
from publishers.importer.report import COUNTS

# What is held at the sample's day, and the plans that are sold (a family of 29 is not) or held.
LIVE, ENDED, PLANS_IN_SCOPE, PLANS_OUT = 46, 41, 204, 28
IN_SCOPE = {
    "service": 1, "metric": 1, "partner": 7, "account_link": 7, "product": PLANS_IN_SCOPE + 1,
    "charge": PLANS_IN_SCOPE, "order": LIVE,
}  # fmt: skip
PRUNED = {"order": ENDED, "charge": PLANS_OUT, "product": PLANS_OUT}


@pytest.fixture(scope="module")
def world(make_world: Callable[..., World]) -> World:
    return make_world("import_remains")


def test_a_first_look_finds_every_record_that_is_there(world: World) -> None:
    report = world.look()
    assert report.is_ok
    assert {kind: counts["unchanged"] for kind, counts in report.counts.items()} == IN_SCOPE
    assert report.totals["skipped"] == ENDED + 2 * PLANS_OUT
    assert sum(report.totals.values()) == len(report.rows)


def test_going_writes_nothing_where_all_is_there(world: World) -> None:
    before = [world.count(model) for model in ("res.partner", "product.template", "sale.order")]
    report = world.go()
    assert report.is_ok
    assert report.totals["unchanged"] == sum(IN_SCOPE.values())
    assert before == [
        world.count(model) for model in ("res.partner", "product.template", "sale.order")
    ]


def test_a_product_that_an_order_in_use_has_is_not_listed_for_pruning(world: World) -> None:
    listed = {row["title"] for row in world.prune().rows if row["kind"] == "product"}
    held = world.query(
        "select distinct plan_code from intermediate.int_subscriptions where held_until is null"
    )
    assert len(listed) == PLANS_OUT
    assert not listed & {code for (code,) in held}


def test_pruning_wants_the_rows_named(world: World) -> None:
    with pytest.raises(ImportRefused, match="--row"):
        world.prune(go=True)


def test_an_order_with_an_invoice_and_a_code_of_a_person_stay(world: World) -> None:
    order = world.prune().rows[0]
    [line] = world.find("sale.order.line", [("order_id", "=", order["odoo_id"])], "product_id")
    admin, partner = world.port(), world.find("res.partner", [("ref", "=", False)])[0]["id"]
    values = {"name": "by hand", "sale_line_ids": [(6, 0, [line["id"]])], "price_unit": 1}
    [move] = admin.execute(
        "account.move", "create",
        [{"move_type": "out_invoice", "partner_id": partner, "invoice_line_ids": [(0, 0, values)]}],
    )  # fmt: skip
    admin.execute("product.template", "create", {"name": "Consulting", "default_code": "HOURS"})
    report = world.prune()
    assert world.row(report, order["key"])["reason"] == "it has an invoice"
    assert "HOURS" not in {row["title"] for row in report.rows}
    admin.execute("account.move", "unlink", [move])


def test_pruning_archives_what_nobody_uses_and_undo_brings_it_back(world: World) -> None:
    listed = world.prune()
    assert {kind: counts["archived"] for kind, counts in listed.counts.items()} == PRUNED
    assert all(row["reason"] for row in listed.rows)
    pruned = world.prune(go=True, rows=["all"])
    assert pruned.is_ok
    assert world.count("sale.order") == LIVE + ENDED
    assert world.count("sale.order", [("state", "=", "cancel")]) == ENDED
    assert world.count("product.template", [("active", "=", False)]) == PLANS_OUT
    assert world.count("fusion.billing.charge", [("active", "=", False)]) == PLANS_OUT
    assert world.prune().rows == []
    assert world.look().totals["unchanged"] == sum(IN_SCOPE.values())

    undone = world.undo(pruned.run_id, go=True, rows=["all"])
    assert undone.totals["restored"] == sum(PRUNED.values())
    assert world.count("sale.order", [("state", "=", "draft")]) == LIVE + ENDED
    assert world.count("product.template", [("active", "=", False)]) == 0
    assert {row["key"] for row in world.prune().rows} == {row["key"] for row in listed.rows}


def test_a_product_waits_for_the_order_that_has_it(world: World) -> None:
    listed = world.prune()
    products = {row["title"]: row["key"] for row in listed.rows if row["kind"] == "product"}
    ended = {row["odoo_id"] for row in listed.rows if row["kind"] == "order"}
    key = next(
        products[code]
        for code in products
        for line in world.find(
            "sale.order.line", [("product_id.default_code", "=", code)], "order_id"
        )
        if line["order_id"][0] in ended
    )
    alone = world.prune(rows=[key])
    assert alone.rows[0]["action"] == "skip"
    assert "which is not named" in alone.rows[0]["reason"]


def test_old_codes_are_listed_whatever_the_app_says(world: World) -> None:
    admin = world.port()
    [made] = admin.execute(
        "product.template",
        "create",
        [{"name": "Old", "default_code": "NC-VPS-1", "type": "service"}],
    )
    report = world.prune()
    row = world.row(report, f"old:product:{made}")
    assert row["action"] == "archive"
    assert "old importer" in row["reason"]
    admin.execute("product.template", "unlink", [made])


def test_counts_are_the_same_in_json_and_every_row_is_counted_once(world: World) -> None:
    answer = world.look().as_json()
    assert sum(answer[name] for name in COUNTS) == len(answer["rows"])
    assert answer["kinds"]["partner"]["unchanged"] == IN_SCOPE["partner"]
    assert answer["is_ok"]


def test_a_plan_that_was_seen_is_carried_out_and_no_other(world: World) -> None:
    with pytest.raises(ImportRefused, match="look again"):
        world.go(plan="0" * 16)
    assert world.go(plan=world.look().plan).is_ok


def test_who_decides_is_a_known_person(world: World) -> None:
    from publishers.identities import IdentityError

    with pytest.raises(IdentityError, match="not in the list"):
        world.go(by="nobody at all")
    assert world.go(by=PERSON).is_ok
