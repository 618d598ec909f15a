"""Community and Enterprise, with the old importer's remains or without; starts, restarts, speed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from odoo_lab import CREATE_ONLY, Lab, Target

ENTERPRISE = {"is_subscription", "plan_id", "subscription_state", "x_fc_nexacloud_subscription_id"}
FUSION = ("service", "account.link", "metric", "charge", "usage", "reconciliation")


@pytest.fixture(scope="module")
def enterprise(cluster: Any) -> Iterator[Lab]:
    """A stand-in with everything that the sample's importer left."""
    from sandbox.odoo_standin.server import running

    dsn = cluster.create_database("standin_enterprise")
    with running(dsn) as server:
        yield Lab(Target(server.url, "odoo", "admin", "admin", is_standin=True, dsn=dsn))


def _all(lab: Lab, model: str, *fields: str, user: str = "readonly") -> list[dict[str, Any]]:
    return list(lab.target.as_user(user).call(model, "search_read", [], list(fields), order="id"))


# ---------------------------------------------------------------------------------------- editions


def test_community_drops_enterprise_fields_and_knows_no_such_models(standin_lab: Lab) -> None:
    call = standin_lab.target.call
    asked = ["name", *sorted(ENTERPRISE)]
    assert list(call("sale.order", "fields_get", asked, ["type"])) == ["name"]
    for model in ("sale.subscription.plan", *(f"fusion.billing.{name}" for name in FUSION)):
        refusal = standin_lab.target.refusal(model, "fields_get")
        assert refusal == ("odoo.exceptions.UserError", f"Object {model} doesn't exist")


def test_enterprise_has_them_and_a_reader_may_read_them(enterprise: Lab) -> None:
    told = enterprise.target.call("sale.order", "fields_get", sorted(ENTERPRISE), ["type"])
    assert told.keys() == ENTERPRISE
    for name in FUSION:
        for user in ("readonly", "billing"):
            assert _all(enterprise, f"fusion.billing.{name}", "id", user=user)


# ------------------------------------------------------------------------------------------ seed


def test_the_importer_left_seven_linked_partners_in_their_provinces(enterprise: Lab) -> None:
    from sandbox.sample import build_sample

    users = {user["id"]: user for user in build_sample().users}
    links = _all(enterprise, "fusion.billing.account.link", "external_account_id", "partner_id")
    assert {link["external_account_id"] for link in links} == users.keys()
    assert len(links) == 7
    for link in links:
        [partner] = enterprise.target.call(
            "res.partner", "read", [link["partner_id"][0]], ["name", "email", "state_id"]
        )
        user = users[link["external_account_id"]]
        assert (partner["name"], partner["email"]) == (user["company_name"], user["email"])
        assert partner["state_id"][0] == enterprise.state(user["province"])


def test_the_catalogue_has_a_product_and_a_shadow_charge_per_plan(enterprise: Lab) -> None:
    from sandbox.sample import build_sample

    plans = {plan["code"]: plan for plan in build_sample().plans}
    products = _all(enterprise, "product.product", "default_code", "list_price", "active")
    assert {p["default_code"] for p in products} == plans.keys() | {"NEXACLOUD", "NEXACLOUD-CPU"}
    charges = _all(enterprise, "fusion.billing.charge", "plan_code", "plan_id", "price_per_unit",
                   "included_quantity")  # fmt: skip
    assert len(charges) == len(plans) == 232
    for charge in charges:
        plan = plans[charge["plan_code"]]
        assert charge["plan_id"] is False
        price = Decimal(str(charge["price_per_unit"]))
        assert price == plan["overage_price_per_cpu_second"]
        assert Decimal(str(charge["included_quantity"])) == plan["included_cpu_seconds"]


def test_every_subscription_has_a_draft_shadow_order_at_its_flat_price(enterprise: Lab) -> None:
    from sandbox.sample import build_sample

    sample = build_sample()
    prices = {plan["id"]: plan["price"] for plan in sample.plans}
    flat = {row["id"]: prices[row["plan_id"]] for row in sample.subscriptions}
    orders = _all(enterprise, "sale.order", "state", "is_subscription", "amount_untaxed",
                  "x_fc_nexacloud_subscription_id", "order_line", "name")  # fmt: skip
    assert len(orders) == 87
    assert {(order["state"], order["is_subscription"]) for order in orders} == {("draft", True)}
    told = {o["x_fc_nexacloud_subscription_id"]: Decimal(str(o["amount_untaxed"])) for o in orders}
    assert told == flat
    assert all(len(order["order_line"]) == 1 for order in orders)


def test_the_orders_taxes_are_those_that_a_recomputation_gives(enterprise: Lab) -> None:
    fields = ("amount_tax", "amount_total")
    before = {o["id"]: o for o in _all(enterprise, "sale.order", *fields)}
    enterprise.target.call("sale.order", "write", list(before), {"note": "looked at"})
    assert {o["id"]: o for o in _all(enterprise, "sale.order", *fields)} == before


def test_a_confirmed_subscription_is_in_progress(enterprise: Lab) -> None:
    call = enterprise.target.call
    [plan] = call("sale.subscription.plan", "search", [["name", "=", "Monthly"]])
    vals = {"partner_id": enterprise.partner(), "plan_id": plan}
    [order] = call("sale.order", "create", [vals])
    call("sale.order", "action_confirm", [order])
    [read] = call("sale.order", "read", [order], ["is_subscription", "subscription_state"])
    assert (read["is_subscription"], read["subscription_state"]) == (True, "3_progress")
    call("sale.order", "action_cancel", [order])
    call("sale.order", "unlink", [order])


def test_rollups_hold_the_counted_usage_of_april_and_may(enterprise: Lab) -> None:
    from sandbox.sample import APRIL, JUNE, MAY, build_sample

    counted: dict[tuple[str, str], Decimal] = {}
    seen = set()
    for record in build_sample().usage_records:
        key = (record["subscription_id"], record["idempotency_key"])
        if key not in seen and APRIL <= record["window_start"] < JUNE:
            seen.add(key)
            month = "2026-04-01" if record["window_start"] < MAY else "2026-05-01"
            slot = (record["subscription_id"], month)
            counted[slot] = counted.get(slot, Decimal(0)) + record["quantity"]
    rollups = _all(enterprise, "fusion.billing.usage", "external_subscription_id", "period_start",
                   "quantity")  # fmt: skip
    told = {
        (row["external_subscription_id"], row["period_start"][:10]): Decimal(str(row["quantity"]))
        for row in rollups
    }
    assert told == counted


def test_the_old_tools_verdicts_are_two_matches_and_seven_differences(enterprise: Lab) -> None:
    rows = _all(enterprise, "fusion.billing.reconciliation", "external_subscription_id", "delta",
                "odoo_amount", "app_amount", "status", "period")  # fmt: skip
    assert Counter(row["status"] for row in rows) == {"match": 2, "differ": 7}
    one_offs = {row["app_amount"] for row in rows if not row["external_subscription_id"]}
    assert one_offs == {877.99, 872.66, 32.20}
    listed = sorted(
        (row["odoo_amount"], row["app_amount"])
        for row in rows
        if row["status"] == "differ" and row["external_subscription_id"]
    )
    assert listed == [(50.0, 9.17), (50.0, 9.17), (200.0, 9.17), (200.0, 9.17)]


def test_a_world_without_a_catalogue_in_odoo_has_linked_customers_alone(cluster: Any) -> None:
    from sandbox.odoo_standin.seed import prepare
    from sandbox.odoo_standin.server import running
    from sandbox.rows import Sample
    from sandbox.sample import build_sample

    dsn = cluster.create_database("standin_customers")
    prepare(dsn, sample=Sample(users=build_sample().users, has_odoo_catalogue=False))
    with running(dsn) as server:
        lab = Lab(Target(server.url, "odoo", "admin", "admin", is_standin=True))
        counts = {
            model: lab.target.call(model, "search_count", [])
            for model in ("fusion.billing.account.link", "fusion.billing.charge", "sale.order",
                          "fusion.billing.usage", "product.product")
        }  # fmt: skip
    assert list(counts.values()) == [7, 0, 0, 0, 2]


# ------------------------------------------------------------------------------------------ process


def _start(dsn: str, port: int, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sandbox.odoo_standin", "--dsn", dsn, "--port", str(port)]
    return subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def test_a_server_says_one_line_when_ready_and_keeps_its_state_over_a_kill(cluster: Any) -> None:
    from sandbox.processes import free_port

    dsn = cluster.create_database("standin_process")
    port = free_port()
    process = _start(dsn, port, "--community", "--init")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Odoo 19 stand-in ready on http://127.0.0.1:")
    lab = Lab(Target(f"http://127.0.0.1:{port}", "odoo", "admin", "admin"))
    row = lab.row()
    [move_id] = lab.load(row)["ids"]
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    # The edition is the database's: a restart without the option is Community still.
    process = _start(dsn, port)
    assert process.stdout is not None
    process.stdout.readline()
    again = Lab(Target(f"http://127.0.0.1:{port}", "odoo", "admin", "admin"))
    assert again.load(row)["ids"] == [move_id]
    assert again.target.refusal("fusion.billing.usage", "search", []).name.endswith("UserError")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    assert process.stdout.read() == ""


def test_preparing_twice_changes_nothing(cluster: Any) -> None:
    from sandbox.odoo_standin.seed import edition, prepare

    dsn = cluster.create_database("standin_twice")
    assert edition(dsn) is None
    for _ in range(2):
        prepare(dsn, empty=True)
    assert edition(dsn) == "enterprise"


# ------------------------------------------------------------------------------------------- speed


def test_fifty_invoices_load_within_a_second(enterprise: Lab) -> None:
    group = str(enterprise.tax("14.975% GST+QST"))
    rows: list[dict[str, Any]] = []
    for _ in range(50):
        head = enterprise.row(**{"invoice_line_ids/tax_ids/.id": group})
        more = {name: cell for name, cell in head.items() if name.startswith("invoice_line_ids")}
        rows += [head, more, more]
    fields = list(rows[0])
    data = [[row.get(name, "") for name in fields] for row in rows]
    started = time.monotonic()
    answer = enterprise.target.call("account.move", "load", fields, data, context=CREATE_ONLY)
    assert len(answer["ids"]) == 50
    assert time.monotonic() - started < 1.0


def test_two_thousand_lines_read_within_half_a_second(enterprise: Lab) -> None:
    call = enterprise.target.call
    line = enterprise.line(10, taxes=[enterprise.tax("13% HST")])
    vals = {"move_type": "out_invoice", "partner_id": enterprise.partner(),
            "invoice_line_ids": [line] * 40}  # fmt: skip
    call("account.move", "create", [vals] * 50)
    fields = ["move_id", "display_type", "sequence", "name", "product_id", "quantity", "price_unit",
              "discount", "price_subtotal", "price_total", "balance", "amount_currency",
              "currency_id", "tax_ids", "tax_line_id", "group_tax_id", "account_id", "partner_id",
              "parent_state", "reconciled", "write_date"]  # fmt: skip
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        rows = call("account.move.line", "search_read", [["id", ">", 0]], fields, limit=2000,
                    order="id")  # fmt: skip
        seconds.append(time.monotonic() - started)
        assert len(rows) == 2000
    assert min(seconds) < 0.5
