"""What people do: decide about lines, gates and credits, and lay hands on invoices in Odoo.

In: a customer, whose random numbers choose. Out: decisions in `ops` through the publishers' own
functions, and moves in Odoo that are posted, edited, cancelled, deleted, paid, credited, put back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg2
from batch_world import BatchWorld
from billed_company import Customer, Subscription, midnight
from odoo_holdings import Holdings

from connections.errors import OdooError
from connections.odoo import OdooPort
from publishers import approvals, credits, gates, release, restore
from publishers.credits import CreditError
from publishers.gates import GateError
from publishers.ledger import Run
from publishers.lines import Filters
from publishers.policies import Policy, approve_automatically, set_policy
from publishers.release import ReleaseError

SERVICE = "nexacloud"
FAY, DAN = "fay", "dan"
# A period start before anything was used: Odoo issues everything.
FIRST_GATE = midnight(date(2026, 5, 1))


@dataclass
class People:
    """Finance in the warehouse and in Odoo; `acts` counts what was done."""

    world: BatchWorld
    odoo: OdooPort
    holdings: Holdings
    acts: Counter[str] = field(default_factory=Counter)
    _port: OdooPort | None = None

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """A session whose decisions stand at its end: some functions leave that to the caller."""
        with closing(psycopg2.connect(self.world.settings().warehouse_dsn)) as conn:
            yield conn
            conn.commit()

    # ------------------------------------------------------------------ in the warehouse

    def open_gates(self, customers: Sequence[Customer]) -> None:
        with self.connect() as conn:
            for held in (s for c in customers for s in c.subscriptions):
                self._open(conn, held)

    def _open(self, conn: Any, held: Subscription) -> bool:
        named = {"service": SERVICE, "external_subscription_id": held.name}
        try:
            gates.open_gate(conn, **named, from_period_start=FIRST_GATE, by=FAY)
        except GateError:
            return False
        held.is_back_at_the_app = False
        return True

    def decide(self, customers: Sequence[Customer]) -> None:
        """An evening's decisions: most lines are approved, some are not, some no longer."""
        with self.connect() as conn:
            lines = self._lines(conn)
            yes, no, back = [], [], []
            for customer in customers:
                names = [held.name for held in customer.subscriptions]
                for line in (line for name in names for line in lines.get(name, [])):
                    weights = (12, 1, 1, 4)
                    [what] = customer.random.choices((yes, no, back, []), weights)
                    what.append(line)
            self._write(conn, yes, no, back)
            for customer in customers:
                self._gate_or_credit(conn, customer)

    def _write(self, conn: Any, yes: list[Any], no: list[Any], back: list[Any]) -> None:
        self.acts["approve"] += len(approvals.approve(conn, [*yes, *back], by=FAY).written)
        self.acts["reject"] += len(approvals.reject(conn, no, by=DAN).written)
        self.acts["revoke"] += len(approvals.revoke(conn, back, by=FAY).written)

    def approve_all(self) -> None:
        """Everything that stands proposed, credits asked for included."""
        with self.connect() as conn:
            every = [line for lines in self._lines(conn).values() for line in lines]
            self.acts["approve"] += len(approvals.approve(conn, every, by=FAY).written)

    def _lines(self, conn: Any) -> dict[str, list[approvals.ProposedLine]]:
        found: dict[str, list[approvals.ProposedLine]] = {}
        for line in approvals.select_lines(conn, Filters(service=SERVICE)):
            found.setdefault(line.content["external_subscription_id"], []).append(line)
        return found

    def _gate_or_credit(self, conn: Any, customer: Customer) -> None:
        held = customer.random.choice(customer.subscriptions)
        what = customer.random.random()
        if what < 0.08:
            gates.close_gate(conn, service=SERVICE, external_subscription_id=held.name, by=FAY)
            held.is_back_at_the_app = True
            self.acts["close gate"] += 1
        elif what < 0.25:
            self.acts["open gate"] += self._open(conn, held)
        elif what < 0.4:
            self.acts["credit"] += self._credit(conn, customer, held)

    def _credit(self, conn: Any, customer: Customer, held: Subscription) -> bool:
        keys = self.world.query(
            "select line_key from ops.publication_lines where released_at is null and amount > 0"
            " and external_subscription_id = %s order by line_key",
            held.name,
        )
        if not keys:
            return False
        amount = Decimal(customer.random.randint(1, 300)) / 100
        try:
            key = customer.random.choice(keys)["line_key"]
            credits.credit(conn, key, by=FAY, amount=amount, note="kindness")
        except CreditError:
            return False
        return True

    # ------------------------------------------------------------------ in Odoo

    def work_in_odoo(self, customers: Sequence[Customer]) -> None:
        """Some of each customer's invoices are posted, paid, edited, cancelled, deleted."""
        by_partner: dict[int, list[dict[str, Any]]] = {}
        for move in self.holdings.moves.values():
            by_partner.setdefault(int(move["partner_id"][0]), []).append(move)
        for customer in customers:
            for move in by_partner.get(customer.partner_id, []):
                self._touch(customer, move)

    def _touch(self, customer: Customer, move: dict[str, Any]) -> None:
        number, chance = int(move["id"]), customer.random.random()
        name = _what(move["state"], chance)
        act: Callable[[int], Any] | None = {
            "post": self._call("action_post"),
            "cancel": self._call("button_cancel"),
            "delete": self._call("unlink"),
            "reset": self._call("button_draft"),
            "edit": self._edit,
            "pay": self._pay,
            "credit in Odoo": self._reverse,
        }.get(name)
        if act is None:
            return
        try:
            act(number)
        except OdooError as error:
            name = f"{name} (refused: {error})"[:80]
        self.acts[name] += 1

    def _call(self, method: str) -> Callable[[int], Any]:
        return lambda number: self.odoo.execute("account.move", method, [number])

    def _edit(self, number: int) -> None:
        domain = [("move_id", "=", number), ("display_type", "=", "product")]
        [line] = self.odoo.search_read(
            "account.move.line", domain, ["price_unit"], order="id", limit=1
        )
        values = {"price_unit": line["price_unit"] + 7}
        self.odoo.execute("account.move.line", "write", [line["id"]], values)

    def _pay(self, number: int) -> None:
        context = {"active_model": "account.move", "active_ids": [number]}
        domain = [("type", "=", "bank")]
        [bank] = self.odoo.search("account.journal", domain, limit=1)
        made = self.odoo.execute(
            "account.payment.register", "create", {"journal_id": bank}, context=context
        )
        ids = made if isinstance(made, list) else [made]
        self.odoo.execute("account.payment.register", "action_create_payments", ids)

    def _reverse(self, number: int) -> None:
        """A credit note of Odoo's own: a gift, like ours."""
        context = {"active_model": "account.move", "active_ids": [number]}
        [journal] = self.odoo.search("account.journal", [("type", "=", "sale")], limit=1)
        values = {"journal_id": journal, "reason": "a mistake"}
        made = self.odoo.execute("account.move.reversal", "create", [values], context=context)
        self.odoo.execute("account.move.reversal", "refund_moves", made)

    # ------------------------------------------------------------------ the way back

    def release_some(self, chance: Callable[[], float]) -> None:
        """Documents that are gone from Odoo, and quarantined ones, are let go."""
        for key in self._releasable():
            if chance() < 0.6:
                self.acts["release"] += self._release(key)

    def _releasable(self) -> list[str]:
        rows = self.world.query(
            "select document_key from ops.publications where state = 'quarantined'"
            " or state = 'confirmed' and finding in ('deleted', 'cancelled') order by 1"
        )
        return [row["document_key"] for row in rows]

    def _release(self, key: str) -> bool:
        try:
            with self.connect() as conn:
                run = Run(FAY, "release", lambda _point: None)
                release.release(conn, self.odoo, key, run)
        except ReleaseError:
            return False
        return True

    def put_right(self, customers: Sequence[Customer]) -> None:
        """The end: what is not as approved is cancelled and released, the rest is posted.

        What a second warehouse published is adopted: until then, nothing is claimed.
        """
        self.adopt()
        rows = self.world.query(
            "select odoo_id from ops.publications where state in ('quarantined', 'released')"
            " or state = 'confirmed' and finding = 'edited'"
        )
        wrong = {row["odoo_id"] for row in rows}
        for number, move in self.holdings.moves.items():
            self._call_all(number, _way_to(move["state"], is_wrong=number in wrong))
        for key in self._releasable():
            self._release(key)
        self.open_gates(customers)

    def _call_all(self, number: int, methods: Sequence[str]) -> None:
        for method in methods:
            try:
                self.odoo.execute("account.move", method, [number])
            except OdooError as error:
                self.acts[f"{method} (refused: {error})"[:100]] += 1

    def adopt(self) -> None:
        """After a backup came back: the ledger adopts what it lost; the uncertain is deleted."""
        settings = self.world.settings()
        with self.connect() as conn:
            run = Run(FAY, "restore", lambda _point: None)
            found = restore.restore(conn, self.odoo, settings.schema("marts"), run, go=True)
        for each in found:
            self.acts["adopted" if each.problem is None else "not adopted"] += 1
            if each.problem:
                first = {"posted": ("button_draft",), "cancel": ("button_draft",)}
                self._call_all(each.odoo_id, (*first.get(each.state, ()), "unlink"))

    def approve_by_policy(self) -> None:
        """A rule approves what is like what was billed before."""
        policy = Policy("as before", "CAD", is_automatic=True, within_percent=Decimal(50))
        with self.connect() as conn:
            set_policy(conn, policy, by=FAY)
            self.acts["approve by policy"] += len(approve_automatically(conn).written)


def _what(state: str, chance: float) -> str:
    """What happens to a move in this state; most are left alone on most days."""
    acts = {
        "draft": ("post",) * 8 + ("cancel",) * 4 + ("delete",) * 2 + ("edit",) * 2,
        "posted": ("pay",) * 5 + ("reset",) * 2 + ("credit in Odoo",) * 2,
        "cancel": ("reset",) * 8 + ("delete",),
    }[state]
    number = int(chance * 32)
    return acts[number] if number < len(acts) else "nothing"


def _way_to(state: str, *, is_wrong: bool) -> Sequence[str]:
    if is_wrong:
        return {"posted": ("button_draft", "button_cancel"), "draft": ("button_cancel",)}.get(
            state, ()
        )
    return ("action_post",) if state == "draft" else ()
