"""Each fault is proved by the stored fact that the generator's docstring names, and by no other."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from fault_reading import items_of, singles

from sandbox.app_invoices import PROVINCE_TAXES
from sandbox.faults import World
from sandbox.rows import Row

CENT = Decimal("0.01")


def test_void_and_duplicate_are_told_by_the_invoices(world: World) -> None:
    for row, invoices in singles(world, "void"):
        assert [invoice["status"] for invoice in invoices] == ["void"]
        assert row["causes"][0]["amount"] == invoices[0]["subtotal"]
    for row, (first, second) in singles(world, "twice"):  # type: ignore[misc]
        assert first["subtotal"] == second["subtotal"] == -row["causes"][0]["amount"]
        assert first["number"] != second["number"]
        assert (first["period_start"], first["period_end"]) == (
            second["period_start"],
            second["period_end"],
        )


def test_credits_and_one_offs_are_told_by_an_item(world: World) -> None:
    items = items_of(world.after)
    for variant, kind in (("credit", "credit"), ("item", "one_off")):
        for row, (invoice,) in singles(world, variant):  # type: ignore[misc]
            amounts = [item["amount"] for item in items[invoice["id"]] if item["kind"] == kind]
            assert -sum(amounts) == row["causes"][0]["amount"]


def test_included_tax_can_be_taken_out_again_to_the_cent(world: World) -> None:
    province = {row["id"]: row["province"] for row in world.after.users}
    items = items_of(world.after)
    for row, (invoice,) in singles(world, "gross"):  # type: ignore[misc]
        rates = sum(rate for _, rate in PROVINCE_TAXES[province[invoice["user_id"]]])
        nets = [
            (item["amount"] / (1 + rates / 100)).quantize(CENT, ROUND_HALF_UP)
            for item in items[invoice["id"]]
        ]
        assert invoice["tax"] == 0
        assert sum(nets) - invoice["subtotal"] == row["causes"][0]["amount"]
        assert sum(nets) == row["expected_amount"]


def test_a_mismatched_plan_is_named_by_code_and_price(world: World) -> None:
    plans = {row["code"]: row for row in world.after.plans}
    items = items_of(world.after)
    for row, (invoice,) in singles(world, "foreign"):  # type: ignore[misc]
        base = next(i for i in items[invoice["id"]] if i["kind"] in ("base", "proration"))
        named = plans[base["description"].split(":")[0]]
        held = next(
            subscription["plan_id"]
            for subscription in world.after.subscriptions
            if subscription["id"] == row["external_subscription_id"]
        )
        assert named["id"] != held
        old = next(plan for plan in world.before.plans if plan["id"] == named["id"])
        assert base["unit_price"] in (named["price"], old["price"])


def test_an_older_price_is_one_that_the_plan_had(world: World) -> None:
    items = items_of(world.after)
    old = {row["code"]: row["price"] for row in world.before.plans}
    new = {row["code"]: row["price"] for row in world.after.plans}
    for variant, prices in (("older", old), ("newer", new)):
        for row, (invoice,) in singles(world, variant):  # type: ignore[misc]
            assert row["needs_history"]
            base = next(i for i in items[invoice["id"]] if i["kind"] in ("base", "proration"))
            code = base["description"].split(":")[0]
            assert old[code] != new[code]
            assert base["unit_price"] == prices[code]


def test_a_boundary_is_told_by_the_items_period(world: World) -> None:
    for variant in ("zone", "anchor"):
        for row, (invoice,) in singles(world, variant):  # type: ignore[misc]
            assert invoice["period_start"] != row["period_start"]
            assert invoice["period_end"] != row["period_end"]


def test_late_usage_is_told_by_its_time_of_writing(world: World) -> None:
    used: dict[str, list[Row]] = defaultdict(list)
    for use in world.after.usage_records:
        used[use["subscription_id"]].append(use)

    def is_late(row: Row, issued_at: datetime) -> bool:
        return any(
            row["period_start"] <= use["window_start"] < row["period_end"]
            and use["created_at"] > issued_at
            for use in used[row["external_subscription_id"]]
        )

    for row, (invoice,) in singles(world, "late"):  # type: ignore[misc]
        assert is_late(row, invoice["issued_at"])
    for row in world.truth:
        if row["kind"] == "clean":
            assert not is_late(row, row["period_end"] + timedelta(hours=6))
