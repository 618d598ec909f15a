"""Who pays, where and for which product: as it was when a line's time began, never as today."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from nexacloud_rows import plan, subscription, toronto
from odoo_rows import PROVINCES, RATES, chart, delivery, link, partner, product
from rating_world import LINES, World

MAY, JUNE = toronto(2026, 5, 1), toronto(2026, 6, 1)
MOVED = toronto(2026, 5, 20, 9)
EXCEPTIONS = (*LINES, "+int_exceptions_identity")


def town(world: World, *accounts: str) -> World:
    """Each account holds one plan from May on; April's load has seen everybody."""
    world.as_of = toronto(2026, 7, 3)
    chart(world)
    world.load("raw_nexacloud.plans", [plan("p", "31")])
    world.load("raw_nexacloud.users", [{"id": name, "full_name": name} for name in accounts])
    world.load(
        "raw_nexacloud.subscriptions",
        [subscription(name, "p", MAY, user_id=name) for name in accounts],
    )
    return world


def rates(line: dict[str, Any]) -> tuple[str, ...] | None:
    if line["tax_ids"] is None:
        return None
    return tuple(component["rate"] for component in line["tax_components"])


def billed(world: World, column: str) -> dict[str, tuple[Any, Any]]:
    """Of each account: that column of its line of May, and of June."""
    lines = {
        (line["external_subscription_id"], line["service_period_start"]): line
        for line in world.lines()
    }
    found = {}
    for name, start in lines:
        if start == MAY:
            pair = (lines[name, MAY], lines[name, JUNE])
            found[name] = tuple(rates(line) if column == "rates" else line[column] for line in pair)
    return found  # type: ignore[return-value]


def move(world: World, partner_id: int, **values: Any) -> None:
    world.change("raw_odoo.res_partner", partner_id, write_date=MOVED, **values)


def test_a_line_is_taxed_where_its_customer_was_when_it_began(world: World) -> None:
    names = ("moved", "delivered", "archived", "completed", "unplaced", "stayed")
    town(world, *names)
    places = {"completed": None}
    world.load(
        "raw_odoo.res_partner",
        [partner(number, places.get(name, "ON")) for number, name in enumerate(names, start=1)],
    )
    world.load(
        "raw_odoo.fusion_billing_account_link",
        [link(number, name, number) for number, name in enumerate(names, start=1)],
    )
    world.next_load()
    move(world, 1, state_id=PROVINCES["AB"])
    world.load("raw_odoo.res_partner", [delivery(20, 2, "QC", create_date=MOVED, write_date=MOVED)])
    move(world, 3, active=False)
    move(world, 4, state_id=PROVINCES["AB"])
    move(world, 5, state_id=None)
    world.rate(EXCEPTIONS)
    assert billed(world, "rates") == {
        "moved": (("13",), ("5",)),
        "delivered": (("13",), ("5", "9.975")),
        "archived": (("13",), ("13",)),
        # A person entered what was missing: there is nothing else to tax May by.
        "completed": (("5",), ("5",)),
        "unplaced": (("13",), None),
        "stayed": (("13",), ("13",)),
    }
    assert billed(world, "partner_id")["archived"] == (3, 3)
    kinds = world.query("select subject, kind from intermediate.int_exceptions_identity")
    assert sorted((row["subject"], row["kind"]) for row in kinds) == [
        ("archived", "customer_partner_gone"),
        ("unplaced", "tax_unresolved"),
    ]


def test_a_correction_is_taxed_where_the_invoice_was(world: World) -> None:
    """Invoiced at 13 %, then moved to where it is 5 %; May's price is corrected after that."""
    town(world, "moved")
    world.load("raw_odoo.res_partner", [partner(1)])
    world.load("raw_odoo.fusion_billing_account_link", [link(1, "moved", 1)])
    invoice = {"id": "i", "period_start": MAY, "period_end": JUNE, "issued_at": JUNE}
    of_whom = {"number": "NC-1", "user_id": "moved", "subscription_id": "moved", "status": "paid"}
    paid = {"currency": "CAD", "subtotal": "31", "tax": "4.03", "total": "35.03"}
    world.load("raw_nexacloud.invoices", [{**invoice, **of_whom, **paid}])
    items = [{"id": kind, "invoice_id": "i", "kind": kind} for kind in ("base", "tax")]
    sums = ({"amount": "31"}, {"amount": "4.03"})
    world.load(
        "raw_nexacloud.invoice_items", [{**i, **s} for i, s in zip(items, sums, strict=True)]
    )
    world.rate()
    world.publish(world.lines(f"service_period_start = '{MAY}'"), "may")
    world.next_load()
    move(world, 1, state_id=PROVINCES["AB"])
    book = {"service": "nexacloud", "plan_code": "p", "currency": "CAD", "base_fee": "41"}
    world.seed("charges", [book])
    world.rate((*LINES, "+rpt_invoice_integrity"))
    [correction] = world.lines("kind = 'adjustment'")
    assert (correction["amount"], correction["tax_ids"]) == (Decimal("10.00"), [11])
    assert rates(correction) == ("13",)
    [june] = world.lines(f"service_period_start = '{JUNE}'")
    assert rates(june) == ("5",)
    # And the invoice that the app sent for May is as right as it was.
    totals = world.query("select province_tax_amount from intermediate.int_invoice_totals")
    assert [row["province_tax_amount"] for row in totals] == [Decimal("4.03")]
    assert world.query("select * from marts.rpt_invoice_integrity") == []


def test_a_line_s_tax_has_the_decimals_of_its_currency(world: World) -> None:
    """13 % of 323 yen are 42 and of 10.12 dinars 1.316, also where a line tells its story."""
    town(world)
    prices = {"yen": ("jpy", "323"), "dinar": ("KWD", "10.12")}
    plans = [plan(name, price, currency=code) for name, (code, price) in prices.items()]
    world.load("raw_nexacloud.plans", plans)
    held = [subscription(name, name, MAY, user_id=name) for name in prices]
    world.load("raw_nexacloud.subscriptions", held)
    world.load("raw_nexacloud.users", [{"id": name} for name in prices])
    world.load("raw_odoo.res_partner", [partner(1)])
    links = [link(number, name, 1) for number, name in enumerate(prices, start=1)]
    world.load("raw_odoo.fusion_billing_account_link", links)
    world.rate((*LINES, "+fct_invoice_line_taxes", "+rpt_line_story"))
    stories = world.query(
        "select line_key, external_subscription_id as name, taxes from serving.rpt_line_story"
        f" where kind = 'base' and service_period_start = '{JUNE}'"
    )
    told = {row["name"]: [tax["amount"] for tax in row["taxes"]] for row in stories}
    assert told == {"yen": ["42"], "dinar": ["1.316"]}
    taxes = world.query("select line_key, tax_amount from marts.fct_invoice_line_taxes")
    of_lines = {row["line_key"]: str(row["tax_amount"]) for row in taxes}
    assert {row["name"]: [of_lines[row["line_key"]]] for row in stories} == told


def test_a_line_goes_to_the_partner_that_was_linked_when_it_began(world: World) -> None:
    names = ("repointed", "relinked", "unlinked", "doubled", "added", "decided", "late")
    town(world, *names)
    world.load("raw_odoo.res_partner", [partner(number) for number in (1, 2, 3)])
    world.load(
        "raw_odoo.fusion_billing_account_link",
        [link(number, name, 1) for number, name in enumerate(names[:-1], start=1)]
        + [link(14, "doubled", 2)],
    )
    world.seed(
        "customer_overrides",
        [{"service": "nexacloud", "external_customer_id": "decided", "partner_id": 3}],
    )
    world.next_load()
    links = "raw_odoo.fusion_billing_account_link"
    for number in (1, 6):
        world.change(links, number, partner_id=2, write_date=MOVED)
    for number in (2, 3, 14):
        world.change(links, number, _deleted_at=world.as_of)
    world.load(
        links,
        [
            link(12, "relinked", 2, write_date=MOVED),
            link(15, "added", 2, write_date=MOVED),
            link(17, "late", 2, write_date=MOVED),
        ],
    )
    world.rate(EXCEPTIONS)
    assert billed(world, "partner_id") == {
        "repointed": (1, 2),
        "relinked": (1, 2),
        # Nobody is named from the day on which the link was found gone: June began before.
        "unlinked": (1, 1),
        "doubled": (1, 1),
        "added": (1, None),
        "decided": (3, 3),
        "late": (2, 2),
    }
    kinds = world.query("select subject, kind from intermediate.int_exceptions_identity")
    assert sorted((row["subject"], row["kind"]) for row in kinds) == [
        ("added", "customer_ambiguous"),
        ("unlinked", "customer_unmatched"),
    ]


def test_a_line_names_the_product_that_its_plan_had_when_it_began(world: World) -> None:
    town(world, "a")
    world.load("raw_odoo.product_product", [product(1, "p"), product(2, "q")])
    world.next_load()
    world.change("raw_odoo.product_product", 1, default_code="old", write_date=MOVED)
    world.load("raw_odoo.product_product", [product(3, "p", create_date=MOVED, write_date=MOVED)])
    world.rate()
    assert billed(world, "product_id") == {"a": (1, 3)}


def test_an_edited_e_mail_moves_nobody_who_was_billed(world: World) -> None:
    town(world, "billed", "new")
    world.load(
        "raw_odoo.res_partner",
        [partner(number, email=f"{number}@example.com") for number in (1, 2)],
    )
    for name in ("billed", "new"):
        world.change("raw_nexacloud.users", name, email="1@example.com")
    world.rate(EXCEPTIONS)
    assert billed(world, "partner_id") == {"billed": (1, 1), "new": (1, 1)}
    world.publish(
        world.lines(f"external_subscription_id = 'billed' and segment_start = '{MAY}'"), "d"
    )
    for name in ("billed", "new"):
        world.change("raw_nexacloud.users", name, email="2@example.com", updated_at=MOVED)
    world.rate(EXCEPTIONS)
    assert billed(world, "partner_id") == {"billed": (1, 1), "new": (2, 2)}
    (told,) = world.query("select * from intermediate.int_exceptions_identity")
    assert (told["kind"], told["subject"]) == ("customer_found_otherwise", "billed")
    assert "billed to Odoo partner 1, its email now names 2" in told["description"]


class Household:
    """A partner with its moves and its delivery contact: when, and to which province."""

    def __init__(self, draw: random.Random, number: int) -> None:
        self.number = number
        self.provinces = [(MAY, draw.choice(list(PROVINCES)))]
        self.contacts: list[tuple[datetime, str | None]] = []
        if draw.random() < 0.4:
            self.contacts.append((MAY, draw.choice(list(PROVINCES))))
        days = sorted(draw.sample(range(1, 60), draw.choice((0, 0, 1, 3))))
        self.steps = [(MAY + timedelta(days=day, hours=5), draw.random()) for day in days]
        self.choices = [draw.choice(list(PROVINCES)) for _ in self.steps]

    def play(self, world: World, until: int) -> None:
        """Take step number `until` as the load after it finds it."""
        if until >= len(self.steps):
            return
        (at, kind), province = self.steps[until], self.choices[until]
        rows, contact = "raw_odoo.res_partner", self.number + 10_000
        if kind < 0.5:
            changed = {"state_id": PROVINCES[province], "write_date": at}
            world.change(rows, self.number, **changed)
            self.provinces.append((at, province))
        elif not self.contacts:
            dated = {"create_date": at, "write_date": at}
            world.load(rows, [delivery(contact, self.number, province, **dated)])
            self.contacts.append((at, province))
        else:
            leaves = kind > 0.8
            place = {"state_id": PROVINCES[province], "active": not leaves, "write_date": at}
            world.change(rows, contact, **place)
            self.contacts.append((at, None if leaves else province))

    def taxed(self, at: datetime) -> tuple[str, ...]:
        own = [province for since, province in self.provinces if since <= at]
        contact = [province for since, province in self.contacts if since <= at]
        return RATES[(contact[-1] if contact else None) or own[-1]]


def test_any_history_of_places_taxes_each_line_as_it_stood(world: World) -> None:
    draw = random.Random(20260501)
    houses = {f"h{number}": Household(draw, number) for number in range(1, 81)}
    town(world, *houses)
    rows = [partner(house.number, house.provinces[0][1]) for house in houses.values()]
    for house in houses.values():
        rows += [
            delivery(house.number + 10_000, house.number, province or "")
            for _, province in house.contacts
        ]
    world.load("raw_odoo.res_partner", rows)
    world.load(
        "raw_odoo.fusion_billing_account_link",
        [link(house.number, name, house.number) for name, house in houses.items()],
    )
    for step in range(3):
        world.next_load()
        for house in houses.values():
            house.play(world, step)
    world.rate()
    expected = {name: (house.taxed(MAY), house.taxed(JUNE)) for name, house in houses.items()}
    assert billed(world, "rates") == expected
    # The worlds are of both kinds: most stay as they were, some are taxed otherwise in June.
    assert 10 < sum(before != after for before, after in expected.values()) < 60
