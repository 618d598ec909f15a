"""A small world for publishing: a warehouse with proposed lines, an Odoo, and hands to work both.

The marts are the contract only: a table `fct_invoice_lines` with the contract's columns, and the
views over it that dbt builds, in their shortest form.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, execute_values

from connections.odoo import OdooPort
from connections.settings import Settings, load_settings
from publishers import approvals
from publishers.drafts import publish
from publishers.lines import Filters
from publishers.report import PublishReport
from sandbox.standin import login_as

MAY = (datetime(2026, 5, 1, 4, tzinfo=UTC), datetime(2026, 6, 1, 4, tzinfo=UTC))
JUNE = (datetime(2026, 6, 1, 4, tzinfo=UTC), datetime(2026, 7, 1, 4, tzinfo=UTC))

MARTS = """
create schema marts;
create schema serving;
create table marts.fct_invoice_lines (
    line_key text primary key, content_hash text, service text, subscription_id text,
    external_subscription_id text, external_customer_id text, partner_id bigint,
    customer_name text, currency text, kind text, charge text, metric text, plan_code text,
    product_code text, product_id bigint, description text, quantity numeric,
    included_quantity numeric, billable_quantity numeric, unit_price numeric,
    exact_amount numeric, amount numeric, fraction numeric, price_source text, rule text,
    tax_ids bigint[], tax_components jsonb, service_period_start timestamptz,
    service_period_end timestamptz, billing_period_start timestamptz,
    billing_period_end timestamptz, service_start_on date, service_end_on date,
    segment_start timestamptz, segment_end timestamptz, corrects_period_start timestamptz,
    adjustment_number int, is_billable boolean, is_assumed_price boolean,
    assumed_billed_amount numeric, assumed_adjustment_number int,
    corrected_period_starts timestamptz[], policies jsonb
);
create view serving.fct_invoice_line_status as
select
    lines.*, coalesce(status.approval_state, 'open') as approval_state,
    coalesce(status.is_approved, false) as is_approved, lines.is_billable as is_approvable,
    status.approved_by, status.approved_at
from marts.fct_invoice_lines as lines
left join ops.line_approval_status as status using (line_key, content_hash);
create view serving.invoice_lines_to_publish as
select * from serving.fct_invoice_line_status
where is_billable and approval_state = 'approved' and not exists (
    select from ops.publication_lines as taken
    where taken.line_key = fct_invoice_line_status.line_key and taken.released_at is null
);
"""
# One statement is one instant: what was built was loaded before.
FRESH = """
insert into ops.load_runs (source, table_name, status, finished_at) values
    ('nexacloud', 'invoices', 'succeeded', now()), ('odoo', 'sale_order', 'succeeded', now());
insert into ops.builds (as_of, is_whole, status, finished_at)
values (now(), true, 'passed', clock_timestamp());
"""


def line(number: int, **changes: Any) -> dict[str, Any]:
    """A proposed line: base fee of one subscription for May 2026, ready to be changed."""
    period = changes.pop("period", MAY)
    service = changes.get("service", "nexacloud")
    subscription = changes.pop("subscription", f"sub-{number}")
    amount = Decimal(changes.pop("amount", "100.00"))
    row: dict[str, Any] = {
        "line_key": hashlib.sha256(f"{service} line {number}".encode()).hexdigest()[:32],
        "service": service,
        "subscription_id": f"{service}:{subscription}",
        "external_subscription_id": subscription,
        "external_customer_id": "customer-1",
        "partner_id": 1,
        "customer_name": "Ontario Ltd",
        "currency": "CAD",
        "kind": "base",
        "charge": "base_fee",
        "metric": None,
        "plan_code": "plan-1",
        "product_code": None,
        "product_id": None,
        "description": f"Hosting of deployment {number}, May 2026",
        "quantity": Decimal(1),
        "included_quantity": Decimal(0),
        "billable_quantity": Decimal(1),
        "unit_price": amount,
        "exact_amount": amount,
        "amount": amount,
        "fraction": Decimal(1),
        "price_source": "odoo",
        "rule": "base fee",
        "tax_ids": [11],
        "tax_components": None,
        "service_period_start": period[0],
        "service_period_end": period[1],
        "billing_period_start": period[0],
        "billing_period_end": period[1],
        "service_start_on": period[0].date(),
        "service_end_on": date.fromordinal(period[1].date().toordinal() - 1),
        "segment_start": period[0],
        "segment_end": period[1],
        "corrects_period_start": None,
        "adjustment_number": None,
        "is_billable": True,
        "is_assumed_price": False,
        "assumed_billed_amount": Decimal(0),
        "assumed_adjustment_number": 0,
        "corrected_period_starts": None,
        "policies": {"timezone": "America/Toronto"},
        **changes,
    }
    return {**row, "content_hash": content_hash(row)}


def content_hash(row: dict[str, Any]) -> str:
    """A hash over what the contract says that it covers."""
    text = "|".join(str(row.get(name)) for name in approvals.HASHED)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def ontario(customers: Any, partner: int = 0) -> dict[str, Any]:
    """A customer of the seed, and Ontario's tax."""
    return {
        "partner_id": customers.partners[partner]["id"],
        "tax_ids": [customers.taxes["13% HST"]],
    }


@dataclass
class World:
    """The warehouse of one test, and an Odoo that it shares: its service keeps tests apart."""

    settings: Settings
    service: str = "nexacloud"
    # Of a real Odoo: name -> the settings of that user's login.
    people: Mapping[str, Mapping[str, str]] | None = None

    @property
    def is_real(self) -> bool:
        return self.people is not None

    def line(self, number: int, **changes: Any) -> dict[str, Any]:
        """A proposed line of this world's service."""
        return line(number, **{"service": self.service, **changes})

    def lines(self, customers: Any, count: int, **changes: Any) -> list[dict[str, Any]]:
        """A line for each of so many customers."""
        return [self.line(n, **ontario(customers, n), **changes) for n in range(count)]

    @contextmanager
    def warehouse(self) -> Iterator[Connection]:
        """A session that commits each statement."""
        conn = psycopg2.connect(self.settings.warehouse_dsn)
        try:
            yield conn
            conn.commit()
        finally:
            conn.close()

    def query(self, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement in the warehouse; its rows, if it has any."""
        with self.warehouse() as conn, conn.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def administer(self, statement: str) -> None:
        """Run statements as the server's administrator, whom nothing stops."""
        user = self.settings.dsn_parts("warehouse")["user"]
        dsn = self.settings.warehouse_dsn.replace(f"//{user}@", "//postgres@")
        with closing(psycopg2.connect(dsn)) as conn, conn, conn.cursor() as cursor:
            cursor.execute(statement)

    def create_marts(self) -> None:
        """The contract's relations, empty, from fresh loads and a build that passed."""
        self.query(MARTS)
        self.query(FRESH)

    def propose(self, rows: Sequence[dict[str, Any]]) -> None:
        """Lines as dbt would propose them; a line that exists is replaced."""
        columns = list(rows[0])
        with self.warehouse() as conn, conn.cursor() as cursor:
            cursor.execute(
                "delete from marts.fct_invoice_lines where line_key = any(%s)",
                ([row["line_key"] for row in rows],),
            )
            execute_values(
                cursor,
                f"insert into marts.fct_invoice_lines ({', '.join(columns)}) values %s",
                [tuple(_adapted(row[name]) for name in columns) for row in rows],
            )

    def approve(self, by: str = "fay", **filters: Any) -> approvals.Decisions:
        """A person approves what is proposed now."""
        with self.warehouse() as conn:
            found = approvals.select_lines(conn, Filters(**filters))
            return approvals.approve(conn, found, by=by)

    def publish(self, **options: Any) -> PublishReport:
        """A run with `--go`."""
        return publish(self.settings, **{"go": True, **options})

    def port(self, user: str | None = None) -> OdooPort:
        """A session to Odoo, of the integration user or of another by name."""
        return OdooPort.connect(self.settings if user is None else self.settings_of(user))

    def settings_of(self, user: str, who: str = "odoo") -> Settings:
        """The same, where `user` reads Odoo, or (`odoo_publish`) writes to it."""
        login = self.people[user] if self.people else login_as(user)
        named = {name.replace("odoo_", f"{who}_", 1): text for name, text in login.items()}
        return load_settings(**{**self.values, **named})

    @property
    def values(self) -> dict[str, Any]:
        """The settings as keywords, to make others from."""
        known = self.settings
        return {name: getattr(known, name) for name in type(known).model_fields}

    def drafts(self) -> list[dict[str, Any]]:
        """Every move of ours in Odoo, by reference."""
        return self.port().search_read(
            "account.move",
            [("ref", "=like", f"{self.service}-%")],
            ["ref", "state", "move_type", "amount_untaxed", "amount_tax", "amount_total"],
            order="ref, id",
        )

    def forget_other_warehouses(self) -> None:
        """Tests share an Odoo: the drafts of earlier ones become somebody else's."""
        admin = self.port("admin")
        ours = admin.search("ir.model.data", [("module", "=", "dwh_pub")])
        if ours:
            admin.execute("ir.model.data", "unlink", ours)

    def only_standin(self, why: str) -> None:
        """Skip the test against a real Odoo, visibly."""
        if self.is_real:
            pytest.skip(why)

    def plain_http(self) -> tuple[str, int]:
        """Where the Odoo listens, for a proxy that breaks what passes; without TLS only."""
        address = urlsplit(self.settings.odoo_url)
        if address.scheme != "http":
            pytest.skip("the proxy of faults speaks plain HTTP: name an Odoo at http://")
        return str(address.hostname), address.port or 80

    def edit_draft(self, price: float) -> None:
        """A person changes the price of the only draft's first line."""
        admin = self.port("admin")
        [move] = self.drafts()
        domain = [("move_id", "=", move["id"]), ("display_type", "=", "product")]
        line_id = admin.search("account.move.line", domain, order="id", limit=1)[0]
        admin.execute("account.move.line", "write", [line_id], {"price_unit": price})

    def states(self) -> dict[str, str]:
        """Document key -> state of the ledger."""
        return dict(self.query("select document_key, state from ops.publications"))


def _adapted(value: Any) -> Any:
    return Json(value) if isinstance(value, dict) or _is_rows(value) else value


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
