"""Seeded schedules of faults for the importer, and the judge who looks at Odoo afterwards.

In: a seed. Out: a small catalogue with customers and orders; runs that are killed, cut off and run
in pairs while the app's prices change; a clean run; and what is wrong then: two of one, one too
few, an order that is no draft, a price that is not the last one.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from json import dumps, loads
from typing import Any

from fault_proxy import FAULTS, FaultProxy
from import_child import POINTS
from import_world import PERSON, World

Rows = list[dict[str, Any]]


class Nursery:
    """The process that forks importers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "import_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, **command: Any) -> int:
        return int(self._ask(command)["pid"])

    def wait(self, pid: int) -> int:
        """Its exit code; negative where it was killed."""
        return int(self._ask({"wait": pid})["exit"])

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)

    def _ask(self, command: dict[str, Any]) -> dict[str, int]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, int] = loads(self._process.stdout.readline())
        return answer


def proposals(seed: int, pick: random.Random) -> Rows:
    """Everything that one schedule imports; the seed is in every name, since Odoo is shared."""
    s = f"f{seed}"
    rows: Rows = [
        _row("service", s, code=s, name=s),
        _row("metric", s, code=f"{s}-cpu", name="CPU", aggregation="sum", key=f"metric:{s}"),
    ]
    for n in range(pick.randint(1, 3)):
        code, price = f"{s}-p{n}", str(pick.randint(1, 90))
        rows.append(
            _row("product", code, name=code, default_code=code, list_price=price, active=True)
        )
        rows.append(
            _row(
                "charge", code, service_id=f"service:{s}", plan_code=code, metric_id=f"metric:{s}",
                included_quantity="100", price_per_unit="0.000123", currency_id="CAD", active=True,
            )
        )  # fmt: skip
    products = [row for row in rows if row["kind"] == "product"]
    for n in range(pick.randint(2, 4)):
        name = f"{s}-c{n}"
        rows.append(
            _row(
                "partner", name, name=name, is_company=True, email=f"{name}@x.example", ref=name,
                country_id="CA", state_id=pick.choice(("ON", "QC", "AB")), active=True,
            )
        )  # fmt: skip
        rows.append(
            _row(
                "account_link", name, service_id=f"service:{s}", external_account_id=name,
                partner_id=f"partner:{name}",
            )
        )  # fmt: skip
        for m in range(pick.randint(1, 2)):
            product, sub = pick.choice(products), f"{name}-s{m}"
            rows.append(
                _row(
                    "order", sub, partner_id=f"partner:{name}", client_order_ref=sub,
                    x_fc_nexacloud_subscription_id=sub, date_order="2026-05-01 00:00:00",
                    **{
                        "order_line/product_id": product["import_key"],
                        "order_line/name": product["title"],
                        "order_line/price_unit": product["wanted"]["list_price"],
                    },
                    active=True,
                )
            )  # fmt: skip
    return rows


def _row(kind: str, title: str, key: str = "", **wanted: Any) -> dict[str, Any]:
    return {
        "import_key": key or f"{kind}:{title}", "kind": kind, "title": title, "wanted": wanted,
    }  # fmt: skip


def play(seed: int, world: World, nursery: Nursery, upstream: tuple[str, int]) -> list[str]:
    """Play one schedule; what is wrong at its end, and an empty list where nothing is."""
    pick = random.Random(seed)
    rows = proposals(seed, pick)
    world.propose(rows)
    proxy = FaultProxy(upstream)
    try:
        for number in range(pick.randint(1, 3)):
            _broken_round(pick, world, nursery, proxy, seed + number)
            _change_a_price(pick, world, rows)
    finally:
        proxy.close()
    report = world.go()
    if not report.is_ok:
        return [f"the clean run failed: {report.failed or report.as_json()['rows']}"]
    again = world.look()
    unlike = [row["key"] for row in again.rows if row["action"] != "unchanged"]
    return [*(f"{key} is not settled" for key in unlike), *judge(world, rows, seed)]


def _broken_round(
    pick: random.Random, world: World, nursery: Nursery, proxy: FaultProxy, number: int
) -> None:
    """One importer, or two at once: some die by themselves, some by what the network does."""
    broken = pick.sample(range(1, 12), pick.choice((0, 2, 4)))
    plan = {n: FAULTS[(number * 5 + n) % len(FAULTS)] for n in broken}
    pids: list[int] = []

    def kill() -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    proxy.break_with(plan, kill)
    names = ("warehouse_dsn", "odoo_db", "odoo_user", "odoo_import_user")
    settings = {name: getattr(world.settings, name) for name in names} | {
        "billing_home": str(world.settings.billing_home),
        "odoo_url": proxy.url,
        "odoo_password": world.settings.odoo_password.get_secret_value(),
        "odoo_import_password": world.settings.odoo_import_password.get_secret_value(),
        "odoo_api": world.settings.odoo_api,
        "odoo_api_key": world.settings.odoo_api_key.get_secret_value(),
        "odoo_import_api_key": world.settings.odoo_import_api_key.get_secret_value(),
        "odoo_timeout_seconds": 0.7,
    }
    for _ in range(pick.choice((1, 1, 2))):
        point, nth = pick.choice((*POINTS, "never")), pick.randint(1, 6)
        pids.append(nursery.start(settings=settings, by=PERSON, point=point, nth=nth))
    for pid in pids:
        nursery.wait(pid)


def _change_a_price(pick: random.Random, world: World, rows: Rows) -> None:
    """The app changes a plan's price: the product's and those of its orders."""
    product = pick.choice([row for row in rows if row["kind"] == "product"])
    price = str(pick.randint(100, 900))
    product["wanted"]["list_price"] = price
    changed = [product]
    for row in rows:
        if row["wanted"].get("order_line/product_id") == product["import_key"]:
            row["wanted"]["order_line/price_unit"] = price
            changed.append(row)
    world.propose(changed)


def judge(world: World, rows: Rows, seed: int) -> list[str]:
    """What Odoo holds of this schedule against what is wanted of it."""
    s = f"f{seed}"
    looked = {
        "partner": ("res.partner", "ref", "ref"),
        "product": ("product.template", "default_code", "default_code"),
        "charge": ("fusion.billing.charge", "plan_code", "plan_code"),
        "account_link": (
            "fusion.billing.account.link", "external_account_id", "external_account_id",
        ),
        "order": ("sale.order", "x_fc_nexacloud_subscription_id", "client_order_ref"),
        "service": ("fusion.billing.service", "code", "code"),
    }  # fmt: skip
    wrong = []
    for kind, (model, field, wanted) in looked.items():
        found = world.find(model, ["|", (field, "=", s), (field, "=like", f"{s}-%")], field)
        counted = Counter(row[field] for row in found)
        expected = Counter(row["wanted"][wanted] for row in rows if row["kind"] == kind)
        if counted != expected:
            wrong.append(f"{kind}: {dict(counted)} where {dict(expected)} is wanted")
    return [*wrong, *_wrong_orders(world, rows, s)]


def _wrong_orders(world: World, rows: Rows, s: str) -> list[str]:
    prices = {
        row["wanted"]["client_order_ref"]: row["wanted"]["order_line/price_unit"]
        for row in rows
        if row["kind"] == "order"
    }
    orders = world.find(
        "sale.order", [("client_order_ref", "=like", f"{s}-%")],
        "client_order_ref", "state", "plan_id", "order_line",
    )  # fmt: skip
    lines = {
        line["order_id"][0]: line["price_unit"]
        for line in world.find(
            "sale.order.line",
            [("order_id", "in", [order["id"] for order in orders])],
            "order_id",
            "price_unit",
        )
    }
    wrong = []
    for order in orders:
        name = order["client_order_ref"]
        if order["state"] != "draft" or order["plan_id"] or len(order["order_line"]) != 1:
            wrong.append(f"{name} is {order['state']} with {len(order['order_line'])} lines")
        elif str(lines[order["id"]]) not in (prices[name], f"{prices[name]}.0"):
            wrong.append(f"{name} is at {lines[order['id']]}, wanted {prices[name]}")
    return wrong
