"""The whole loop on the sandbox: Odoo, NexaCloud, loaders, dbt, emission, delivery, an app.

In: what people do in Odoo and NexaCloud, and what day it is. Out: what the app was told.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import psycopg2
import uvicorn
from rating_world import Dbt
from webhook_world import SECRET

from connections.odoo import OdooPort
from connections.settings import Settings, load_settings
from loaders import load
from publishers.webhooks import deliver, emit
from publishers.webhooks.reports import EmitReport
from sandbox.receiver import PATH, Inbox, create_app
from sandbox.standin import login_as

MODELS = ("+fct_lifecycle_events", "+dim_services")
# What an ordinary step of the story changes: Odoo's payments, and the models over them.
PAYMENTS = ("account_move", "account_move_line", "account_payment", "account_partial_reconcile")
PAYMENTS += ("payment_transaction",)
LOOP = ("path:dbt_project/models/*/lifecycle",)
ENABLED = {"nexacloud": {"webhook_enabled": True, "dunning_grace_days": 7}}


@contextmanager
def running_receiver(inbox: Inbox) -> Iterator[str]:
    """The documented example under uvicorn; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app([SECRET], inbox), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@dataclass
class Story:
    """One world; `told` runs a night as of a day and gives what reached the app in it."""

    settings: Settings
    nexacloud_owner_dsn: str
    dbt: Dbt
    inbox: Inbox
    admin: OdooPort = field(init=False)
    partner: int = field(init=False)
    is_new: bool = True

    def __post_init__(self) -> None:
        values = {name: getattr(self.settings, name) for name in Settings.model_fields}
        people = login_as("admin")
        self.admin = OdooPort.connect(load_settings(**values | people))
        customers = self.admin.search("res.partner", [("customer_rank", ">", 0)], order="id")
        self.partner = customers[0]

    def told(
        self, as_of: datetime, *, whole: bool = False, full_refresh: bool = False
    ) -> list[tuple[str, str]]:
        """A night as of a time: load, build, emit, deliver; (type, deployment) of what it told.

        The first night, and a `whole` one, load and build everything.
        """
        before = len(self.inbox.effects)
        self.night(as_of, whole or full_refresh, full_refresh)
        assert emit(self.at(as_of), go=True).stale == 0
        report = deliver(self.settings, go=True)
        assert (report.retrying, report.problems) == (0, [])
        return [(event["type"], event["deployment_id"]) for event in self.inbox.effects[before:]]

    def proposed(self, as_of: datetime) -> EmitReport:
        """What would be told, and why; nothing is."""
        return emit(self.at(as_of))

    def night(self, as_of: datetime, whole: bool, full_refresh: bool) -> None:
        variables = {"as_of": as_of.isoformat(), "policy_overrides": ENABLED}
        if whole or self.is_new:
            load(self.settings)
            kinds = ("model", "seed")
            self.dbt.build(MODELS, variables, kinds, full_refresh=full_refresh)
            self.is_new = False
        else:
            load(self.settings, tables=[f"raw_odoo.{name}" for name in PAYMENTS])
            self.dbt.build(LOOP, variables, ("model",))

    def at(self, as_of: datetime) -> Settings:
        values = {name: getattr(self.settings, name) for name in Settings.model_fields}
        return load_settings(**values | {"billing_as_of": as_of})

    # ------------------------------------------------------------------ what people do

    def invoice(self, due_on: date) -> int:
        """A posted invoice of 100.00 without tax, as an accountant makes one."""
        line = {"name": "Hosting", "quantity": 1, "price_unit": 100.0, "tax_ids": [(6, 0, [])]}
        values = {
            "move_type": "out_invoice",
            "partner_id": self.partner,
            "invoice_date": str(due_on),
            "invoice_date_due": str(due_on),
            "invoice_line_ids": [(0, 0, line)],
        }
        move_id = self.admin.execute("account.move", "create", values)
        move_id = move_id[0] if isinstance(move_id, list) else move_id
        self.admin.execute("account.move", "action_post", [move_id])
        return int(move_id)

    def published(self, due_on: date, *subscriptions: str) -> int:
        """The same, as one of ours: it bills these subscriptions."""
        move_id = self.invoice(due_on)
        key = f"doc-{move_id}"
        self.warehouse(
            "insert into ops.publications (document_key, external_id, service, partner_id,"
            " billing_period_start, billing_period_end, currency, move_type, document_number,"
            " state, payload, payload_hash, expected_untaxed_amount, expected_tax_amount,"
            " expected_total_amount, rounding_method, invoice_date, invoice_date_due, odoo_id)"
            " values (%s, %s, 'nexacloud', 1, '2026-05-01 04:00+00', '2026-06-01 04:00+00', 'CAD',"
            " 'out_invoice', %s, 'confirmed', '{}', 'hash', 100, 0, 100, 'round_per_line', %s, %s,"
            " %s)",
            *(key, f"dwh_pub.{key}", move_id, due_on, due_on, move_id),
        )
        for number, subscription in enumerate(subscriptions, start=1):
            self.warehouse(
                "insert into ops.publication_lines (document_key, line_key, content_hash,"
                " line_number, service, subscription_id, external_subscription_id, kind,"
                " service_period_start, service_period_end, description, amount, currency,"
                " tax_ids, partner_id, content) values (%s, %s, 'hash', %s, 'nexacloud', %s, %s,"
                " 'base', '2026-05-01 04:00+00', '2026-06-01 04:00+00', 'Hosting', 50, 'CAD',"
                " '{}', 1, '{}')",
                *(key, f"{key}-{number}", number, f"nexacloud:{subscription}", subscription),
            )
        return move_id

    def open_gate(self, subscription: str) -> None:
        self.warehouse(
            "set local billing.identity = 'Ann';"
            " insert into ops.cutover_gates (service, external_subscription_id, decision,"
            " from_period_start) values ('nexacloud', %s, 'open', '2026-05-01 04:00+00')",
            subscription,
        )

    def pay(self, move_id: int) -> int:
        """Register a payment of what is open; the payment's id."""
        context = {"active_model": "account.move", "active_ids": [move_id]}
        wizard = self.admin.execute("account.payment.register", "create", {}, context=context)
        wizard_ids = wizard if isinstance(wizard, list) else [wizard]
        self.admin.execute(
            "account.payment.register", "action_create_payments", wizard_ids, context=context
        )
        return max(self.admin.search("account.payment", [("invoice_ids", "in", [move_id])]))

    def charge(self, move_id: int, state: str, message: str = "") -> int:
        """An online charge that ended in a state."""
        values = {
            "reference": f"tx-{move_id}-{state}-{time.monotonic_ns()}",
            "amount": 100.0,
            "partner_id": self.partner,
            "invoice_ids": [(6, 0, [move_id])],
        }
        made = self.admin.execute("payment.transaction", "create", values)
        made_id = made[0] if isinstance(made, list) else made
        values = {"state": state, "state_message": message}
        self.admin.execute("payment.transaction", "write", [made_id], values)
        return int(made_id)

    def end_subscription(self, subscription: str, at: datetime) -> None:
        with psycopg2.connect(self.nexacloud_owner_dsn) as conn, conn.cursor() as cursor:
            cursor.execute(
                "update subscriptions set status = 'cancelled', cancelled_at = %s,"
                " updated_at = now() where id::text = %s",
                (at, subscription),
            )

    def deployments(self) -> dict[str, list[str]]:
        """Live deployments by subscription that is active."""
        with psycopg2.connect(self.nexacloud_owner_dsn) as conn, conn.cursor() as cursor:
            cursor.execute(
                "select s.id::text, array_agg(d.id::text order by d.id) from subscriptions s"
                " join deployments d on d.subscription_id = s.id"
                " where s.status = 'active' and d.terminated_at is null group by s.id order by s.id"
            )
            return dict(cursor.fetchall())

    def warehouse(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.settings.warehouse_dsn) as conn, conn.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []


def now() -> datetime:
    """The clock of the stand-in's records."""
    return datetime.now(UTC)
