"""A small company as its own people see it, and how its events are written down.

In: chance. Out: events; what happens is in at_plans.py and at_subscriptions.py.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from company.story import Event, Row

Stamp = str | datetime
PROVINCES = ("ON", "BC", "AB", "NL", "QC")


class Company:
    """The source as its own people see it, and the events so far."""

    def __init__(self, chance: random.Random, zone: ZoneInfo) -> None:
        self.chance = chance
        self.zone = zone
        self.now = datetime(2026, 1, 1, 12, tzinfo=zone)
        self.events: list[Event] = []
        self.rows: dict[str, dict[str, Row]] = {"users": {}, "plans": {}, "subscriptions": {}}
        self.gone: set[str] = set()
        self.paced: set[str] = set()  # subscriptions that changed their pace: once is enough
        self.codes: set[str] = set()
        self.usage: dict[str, Row] = {}

    def founded(self) -> None:
        """Two accounts, three plans and some subscriptions from before the first night."""
        for number in (1, 2):
            self.create(
                "users", f"u{number}", "opens an account", {"province": self.pick(PROVINCES)}
            )
        for number in range(1, 4):
            interval = self.chance.choices(("month", "quarter", "year"), (8, 1, 1))[0]
            self.new_plan(f"p{number}", self.pick(("CAD", "CAD", "CAD", "USD", "JPY")), interval)
        for _ in range(self.chance.randint(2, 3)):
            self.sign_up(self.now - timedelta(days=self.chance.randint(1, 400), hours=3))

    # --------------------------------------------------------------------------------- helpers

    def pick(self, choices: Any) -> Any:
        return self.chance.choice(list(choices))

    def create(self, table: str, key: str, label: str, values: Row) -> None:
        self.rows[table][key] = dict(values)
        self._note(Event(self._at(), label, table, key, values, "create"))

    def change(self, table: str, key: str, label: str, values: Row, stamp: Stamp) -> None:
        self.rows[table][key].update(values)
        self._note(Event(self._at(), label, table, key, values, stamp=stamp))

    def remove(self, table: str, key: str, label: str) -> None:
        self.gone.add(key)
        self._note(Event(self._at(), label, table, key, operation="delete"))

    def _note(self, event: Event) -> None:
        self.events.append(event)

    def _at(self) -> datetime:
        return self.now.astimezone(UTC)

    def stamp(self) -> Stamp:
        """How the source dates an edit: mostly rightly."""
        return self.chance.choices(("moved", "still", "back", "null"), (6, 2, 1, 1))[0]

    def new_plan(self, name: str, currency: str, interval: str, code: str | None = None) -> None:
        terms = {
            "code": code or f"code-{name}",
            "name": name,
            "price": str(self.chance.randint(0, 30000) / 100),
            "currency": currency,
            "billing_interval": interval,
            "included_cpu_seconds": str(self.pick((0, 0, 50, 1000))),
            "overage_price_per_cpu_second": str(self.chance.randint(0, 2000) / 10000),
        }
        self.codes.add(terms["code"])
        self.create("plans", name, "offers a plan", terms)

    def sign_up(self, started_at: datetime, trial: bool = False) -> None:
        name = f"s{len(self.rows['subscriptions']) + 1}"
        ends = started_at + timedelta(days=self.chance.randint(3, 20)) if trial else None
        values = {
            "user_id": self.pick(self.rows["users"]),
            "plan_id": self.pick(self.offered()),
            "status": "trialing" if trial else "active",
            "started_at": started_at.astimezone(UTC),
            "trial_ends_at": ends and ends.astimezone(UTC),
            "cancelled_at": None,
        }
        self.create("subscriptions", name, "signs up", values)

    def offered(self) -> list[str]:
        return [name for name in self.rows["plans"] if name not in self.gone]

    def standing(self, *statuses: str) -> list[str]:
        """Subscriptions that are there, in one of these states; not cancelled unless asked for."""
        return [
            name
            for name, row in self.rows["subscriptions"].items()
            if name not in self.gone
            and row["status"] in statuses
            and (row["cancelled_at"] is None or "cancelled" in statuses)
        ]

    def interval(self, plan: str) -> str:
        return str(self.rows["plans"][plan]["billing_interval"])

    # ----------------------------------------------------------------------------------- usage

    def meters(self) -> None:
        """Usage of six months, in the early mornings; some of it late, double, wrong, withdrawn."""
        for name, row in self.rows["subscriptions"].items():
            for _ in range(self.chance.randint(6, 16)):
                self._measure(name, row["started_at"])
        for number in list(self.usage):
            if self.chance.random() < 0.25:
                self._correct(number)

    def _measure(self, name: str, started_at: datetime) -> None:
        first = max(started_at - timedelta(days=1), datetime(2025, 12, 1, tzinfo=UTC))
        days = max((datetime(2026, 7, 1, tzinfo=UTC) - first).days, 1)
        day = (first + timedelta(days=self.chance.randrange(days))).astimezone(self.zone)
        hour, minute = self.chance.randint(1, 6), self.chance.randint(0, 59)
        used_at = day.replace(hour=hour, minute=minute, second=0, microsecond=0).astimezone(UTC)
        late = self.pick((0, 0, 0, 0, 10, 40))
        metric = self.chance.choices(("cpu_seconds", "requests", "seats", "storage"), (3, 2, 2, 1))
        whole = self.chance.randint(1, 60)
        self._record(
            max(used_at + timedelta(hours=1, days=late), datetime(2026, 1, 1, tzinfo=UTC)),
            "is metered",
            {
                "subscription_id": name,
                "metric": metric[0],
                "quantity": str(whole if metric[0] == "seats" else whole * 3.25),
                "window_start": used_at,
                "window_end": used_at,
                "idempotency_key": None if self.chance.random() < 0.1 else "#",
            },
        )

    def _record(self, at: datetime, label: str, values: Row) -> None:
        number = str(len(self.usage) + 1)
        if values["idempotency_key"] == "#":
            values["idempotency_key"] = f"key-{number}"
        self.usage[number] = {**values, "at": at}
        self._note(Event(at, label, "usage_records", number, values, "create"))

    def _correct(self, number: str) -> None:
        row = self.usage[number]
        at = row["at"] + timedelta(days=self.chance.randint(1, 70), minutes=5)
        what = self.pick(("double", "withdraw", "edit", "move", "shift"))
        if what == "double":
            fields = {name: value for name, value in row.items() if name != "at"}
            fields |= {"quantity": str(self.chance.randint(1, 90))}
            self._record(at, "is metered again", fields)
        elif what == "withdraw":
            self._note(Event(at, "is withdrawn", "usage_records", number, operation="delete"))
        else:
            self._note(Event(at, "is corrected", "usage_records", number, self._fixed(row, what)))

    def _fixed(self, row: Row, what: str) -> Row:
        if what == "edit":
            return {"quantity": str(self.chance.randint(1, 90))}
        if what == "move":
            return {"subscription_id": self.pick(self.rows["subscriptions"])}
        moved = row["window_start"] - timedelta(days=self.chance.randint(1, 40))
        return {"window_start": moved, "window_end": moved}
