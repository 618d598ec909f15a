"""What the sources say, and how it changes from one night to the next.

In: the customers of a batch and their own random numbers. Out: raw rows of the app and rows of the
price book in the warehouse, as the loads of these nights would find them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from billed_company import (
    Customer,
    Subscription,
    Tariff,
    Usage,
    book_rows,
    midnight,
    new_usage,
    next_month,
    plan_row,
    subscription_row,
    usage_row,
    user_row,
)
from rating_world import World

SUBSCRIPTIONS = "raw_nexacloud.subscriptions"
INVOICES = "raw_nexacloud.invoices"


@dataclass
class AppInvoice:
    """What the app invoiced by itself for a month of a subscription."""

    invoice_id: str
    subscription: str
    start: datetime
    end: datetime
    is_void: bool = False


@dataclass
class Sources:
    """The app and the price book, as they are now."""

    world: World
    customers: Sequence[Customer]
    invoices: list[AppInvoice] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)
    _arrived: list[dict[str, Any]] = field(default_factory=list)

    def begin(self) -> None:
        """Everybody signs up; a load sees them before anything changes."""
        held = [(c, s) for c in self.customers for s in c.subscriptions]
        self.world.load("raw_nexacloud.users", map(user_row, self.customers))
        self.world.load("raw_nexacloud.plans", [plan_row(s.tariff) for _, s in held])
        self.world.load(SUBSCRIPTIONS, [subscription_row(c, s) for c, s in held])
        self._price()
        self.world.next_load()

    def change(self, as_of: datetime, *, is_first: bool) -> None:
        """A month of usage for everybody, and one change of facts for most."""
        self._arrived = []
        for customer in self.customers:
            for held in customer.subscriptions:
                self._use(customer, held, as_of.date())
            if customer.random.random() < 0.6 and not is_first:
                self._change_one(customer, as_of)
        self.world.load("raw_nexacloud.usage_records", self._arrived)
        self._price()

    def _price(self) -> None:
        tariffs = [t for c in self.customers for s in c.subscriptions for t in s.tariffs]
        self.world.seed("charges", [row for tariff in tariffs for row in book_rows(tariff)])

    def _use(self, customer: Customer, held: Subscription, today: date) -> None:
        for _ in range(customer.random.choice((0, 1, 2))):
            # Some of it is late: it was used in a month that is billed already.
            day = today - timedelta(days=customer.random.choice((5, 10, 20, 45)))
            if day >= held.started_on:
                used = new_usage(day, Decimal(customer.random.randint(1, 3000)))
                held.usage.append(used)
                self._arrived.append(usage_row(held, used))

    def _change_one(self, customer: Customer, as_of: datetime) -> None:
        held = customer.random.choice(customer.subscriptions)
        possible: dict[str, Callable[..., bool]] = {
            "price corrected": self._correct_price,
            "usage withdrawn": self._withdraw,
            "cancelled": self._cancel,
            "cancellation undone": self._undo,
            "start moved": self._move_start,
            "switched to quarters": self._switch,
            "invoiced in the app": self._invoice,
            "app invoice voided": self._void,
        }
        names = customer.random.sample(list(possible), len(possible))
        if held.is_back_at_the_app:
            names.insert(0, "invoiced in the app")
        for name in names:
            if possible[name](customer, held, as_of):
                self.changes[name] += 1
                return

    def _correct_price(self, customer: Customer, held: Subscription, _as_of: datetime) -> bool:
        fee = held.tariff.fee + Decimal(customer.random.randint(-400, 400)) / 100
        held.tariff = held.tariff._replace(fee=fee)
        return True

    def _withdraw(self, customer: Customer, held: Subscription, _as_of: datetime) -> bool:
        arriving = {row["id"] for row in self._arrived}
        there = [u for u in held.usage if u.is_there and u.number not in arriving]
        if not there:
            return False
        used: Usage = customer.random.choice(there)
        used.is_there = False
        table = "raw_nexacloud.usage_records"
        self.world.change(table, used.number, _deleted_at=self.world.loaded_at)
        return True

    def _cancel(self, customer: Customer, held: Subscription, as_of: datetime) -> bool:
        day = as_of.date() - timedelta(days=customer.random.choice((4, 15, 40)))
        if held.cancelled_on or held.later or day <= held.started_on:
            return False
        held.cancelled_on = day
        self._write(held, as_of, status="cancelled", cancelled_at=midnight(day))
        return True

    def _undo(self, _customer: Customer, held: Subscription, as_of: datetime) -> bool:
        if held.cancelled_on is None:
            return False
        held.cancelled_on = None
        self._write(held, as_of, status="active", cancelled_at=None)
        return True

    def _move_start(self, customer: Customer, held: Subscription, as_of: datetime) -> bool:
        day = held.started_on + timedelta(days=customer.random.choice((-12, -3, 4, 9)))
        if held.later or held.cancelled_on or day >= as_of.date() - timedelta(days=35):
            return False
        held.started_on = day
        self._write(held, as_of, started_at=midnight(day))
        return True

    def _switch(self, customer: Customer, held: Subscription, as_of: datetime) -> bool:
        """To a plan by the quarter, told late: from a day in a month that may be billed."""
        day = as_of.date() - timedelta(days=customer.random.choice((10, 25, 40)))
        if held.later or held.cancelled_on or held.written_on >= day or day <= held.started_on:
            return False
        fee = held.tariff.fee * 3
        held.later = Tariff(f"{held.tariff.name}-q", 3, fee, held.tariff.unit_price)
        held.switched_on = day
        self.world.load("raw_nexacloud.plans", [plan_row(held.later)])
        self._write(held, midnight(day), plan_id=held.later.name)
        return True

    def _write(self, held: Subscription, at: datetime, **values: Any) -> None:
        held.written_on = at.date()
        self.world.change(SUBSCRIPTIONS, held.name, updated_at=at, **values)

    def _invoice(self, customer: Customer, held: Subscription, as_of: datetime) -> bool:
        """The app invoices a month, whatever the gate says."""
        last = as_of.date().replace(day=1)
        start = (last - timedelta(days=customer.random.choice((1, 35)))).replace(day=1)
        number = len(self.invoices)
        made = AppInvoice(
            str(UUID(int=10**9 + number)), held.name, midnight(start), midnight(next_month(start))
        )
        self.invoices.append(made)
        row = {
            **{"id": made.invoice_id, "number": f"APP-{number}", "user_id": customer.user},
            **{"subscription_id": held.name, "status": "paid", "currency": "CAD"},
            **{"period_start": made.start, "period_end": made.end},
            **{"subtotal": held.tariff.fee, "tax": 0, "total": held.tariff.fee},
            **{"issued_at": made.end, "created_at": made.end, "updated_at": made.end},
        }
        self.world.load(INVOICES, [row])
        return True

    def _void(self, customer: Customer, held: Subscription, as_of: datetime) -> bool:
        there = [i for i in self.invoices if i.subscription == held.name and not i.is_void]
        if not there:
            return False
        there[0].is_void = True
        self.world.change(INVOICES, there[0].invoice_id, status="void", updated_at=as_of)
        return True
