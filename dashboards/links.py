"""Addresses: of a page's own parts, of a document in Odoo, of an asset in Dagster."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode

from dashboards.data import Row, settings


def page(path: str, **choices: object) -> str:
    """A page with what is chosen on it; an empty choice is left out."""
    chosen = {name: str(value) for name, value in choices.items() if value not in (None, "")}
    return f"{path}?{urlencode(chosen)}" if chosen else path


def customer(row: Row) -> str | None:
    """The page of a customer: an account of a service, or whoever a partner pays for."""
    service, account, partner = (
        row.get(name) for name in ("service", "external_customer_id", "partner_id")
    )
    if service and account:
        return page("customers", customer=f"{service}:{account}")
    return page("customers", partner=partner) if partner else None


def usage(row: Row) -> str | None:
    """A subscription on the page of its customer: its usage by day."""
    service, account = row.get("service"), row.get("external_customer_id")
    of = row["external_subscription_id"]
    return (
        page("customers", customer=f"{service}:{account}", of=of, tab="Usage") if account else None
    )


def period(row: Row) -> str:
    """The reconciliation of one subscription and period."""
    start: datetime = row["period_start"]
    return f"reconciliation?{urlencode({'of': row['subscription_id'], 'from': start.isoformat()})}"


def line(row: Row) -> str | None:
    """The story of a line."""
    return f"reconciliation?{urlencode({'line': row['line_key']})}" if row["line_key"] else None


def odoo(model: str, record_id: int | None) -> str | None:
    """A record in Odoo's own pages."""
    base = settings().odoo_url.rstrip("/")
    return f"{base}/odoo/{model}/{record_id}" if base and record_id else None


def move(row: Row) -> str | None:
    """The draft or invoice in Odoo."""
    return odoo("account.move", row.get("odoo_id") or row.get("odoo_move_id"))


def invoice(row: Row) -> str | None:
    """The invoice in Odoo, where it is one of Odoo's."""
    issuer, _, number = row["invoice_key"].partition(":")
    return odoo("account.move", int(number)) if issuer == "odoo" else None


def readiness(row: Row) -> str:
    """Whether a subscription may move to Odoo, and its gate."""
    return page("cutover", of=row["subscription_id"])


def dagster(*key: str) -> str:
    """A table's asset: what built it, when, with which checks."""
    base = settings().dashboard_dagster_url.rstrip("/")
    return f"{base}/assets/{'/'.join(quote(part) for part in key)}"
