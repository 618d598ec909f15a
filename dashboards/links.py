"""Addresses: of a page's own parts, of a document in Odoo, of an asset in Dagster."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode

from dashboards.data import Row, settings


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


def dagster(*key: str) -> str:
    """A table's asset: what built it, when, with which checks."""
    base = settings().dashboard_dagster_url.rstrip("/")
    return f"{base}/assets/{'/'.join(quote(part) for part in key)}"
