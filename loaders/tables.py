"""THE list: every table that is copied, its columns, key, watermark, rules.

Nothing flows in; the list flows out. A real NexaCloud whose columns differ, or one more Odoo field,
is a change here (tables_odoo.py for Odoo) and in the staging model, nowhere else.
"""

from __future__ import annotations

from loaders.contracts import LOADED_AT, WEEKLY, Index, Rule, Table, nexacloud_table
from loaders.tables_odoo import ODOO

__all__ = ["ALL", "NEXACLOUD", "ODOO", "SERVICES", "SOURCES", "tables_of"]

NEXACLOUD: tuple[Table, ...] = (
    nexacloud_table(
        "users",
        "id uuid, email text, full_name text, company_name text, country text, province text,"
        " is_active boolean, created_at timestamptz, updated_at timestamptz",
        "updated_at",
        "NexaCloud accounts: who a subscription belongs to.",
        is_versioned=True,
    ),
    nexacloud_table(
        "plans",
        "id uuid, code text, name text, price numeric(12,2), currency text, billing_interval text,"
        " included_cpu_seconds numeric(20,6), overage_price_per_cpu_second numeric(16,6),"
        " is_active boolean, created_at timestamptz, updated_at timestamptz",
        "updated_at",
        "NexaCloud's price list: base price, included quota, price of the overage.",
        rules=(
            Rule("price is negative", "price < 0"),
            Rule("included_cpu_seconds is negative", "included_cpu_seconds < 0"),
            Rule("overage_price_per_cpu_second is negative", "overage_price_per_cpu_second < 0"),
        ),
        is_versioned=True,
    ),
    nexacloud_table(
        "subscriptions",
        "id uuid, user_id uuid, plan_id uuid, status text, started_at timestamptz,"
        " trial_ends_at timestamptz, current_period_start timestamptz,"
        " current_period_end timestamptz, cancelled_at timestamptz, created_at timestamptz,"
        " updated_at timestamptz",
        "updated_at",
        "Who holds which plan, from when to when.",
        # A start far from any real one would be billed from, or wait for, the end of time.
        rules=(
            Rule("started_at is before 2000", "started_at < '2000-01-01 00:00+00'"),
            Rule("started_at is after 2100", "started_at >= '2101-01-01 00:00+00'"),
            Rule("cancelled_at is before started_at", "cancelled_at < started_at"),
        ),
        is_versioned=True,
    ),
    nexacloud_table(
        "deployments",
        "id uuid, subscription_id uuid, user_id uuid, name text, status text,"
        " created_at timestamptz, terminated_at timestamptz, updated_at timestamptz",
        "updated_at",
        "The running things that a subscription pays for.",
        is_versioned=True,
    ),
    nexacloud_table(
        "usage_records",
        "id bigint, subscription_id uuid, deployment_id uuid, metric text, quantity numeric(20,6),"
        " window_start timestamptz, window_end timestamptz, idempotency_key text,"
        " created_at timestamptz",
        "created_at",
        "What was used, as the meter sent it: append-only, duplicates included.",
        rules=(
            Rule("quantity is null", "quantity is null"),
            Rule("quantity is negative", "quantity < 0"),
            Rule("window_start is null", "window_start is null"),
            Rule("window_end is null", "window_end is null"),
            Rule("window_end is before window_start", "window_end < window_start"),
        ),
        sweep_every=WEEKLY,
        indexes=(
            LOADED_AT,
            # The records that may repeat each other, and a subscription's in the order of time: as
            # the usage models ask for them (macro usage_key_hash, int_usage_events).
            Index(
                "key_hash",
                (
                    "hashtextextended(idempotency_key, hashtextextended(coalesce(metric, ''),"
                    " hashtextextended(coalesce(subscription_id, ''), 0)))",
                ),
            ),
            Index(
                "subscription_time",
                ("coalesce(subscription_id, '')", "coalesce(window_start, 'epoch')"),
            ),
        ),
        logged_columns=(
            *("subscription_id", "metric", "quantity"),
            *("window_start", "window_end", "idempotency_key"),
        ),
    ),
    nexacloud_table(
        "invoices",
        "id uuid, number text, user_id uuid, subscription_id uuid, period_start timestamptz,"
        " period_end timestamptz, status text, currency text, subtotal numeric(12,4),"
        " tax numeric(12,4), total numeric(12,4), stripe_invoice_id text, issued_at timestamptz,"
        " created_at timestamptz, updated_at timestamptz",
        "updated_at",
        "What NexaCloud invoiced by itself: the actual side of the reconciliation.",
        rules=(Rule("period_end is before period_start", "period_end < period_start"),),
    ),
    nexacloud_table(
        "invoice_items",
        "id uuid, invoice_id uuid, kind text, period_start timestamptz, period_end timestamptz,"
        " description text, quantity numeric(20,6), unit_price numeric(16,6),"
        " amount numeric(12,4), created_at timestamptz",
        "created_at",
        "The items of those invoices.",
        rules=(Rule("period_end is before period_start", "period_end < period_start"),),
    ),
)

ALL: tuple[Table, ...] = NEXACLOUD + ODOO


# Every source, and those that are a service's own database.
SOURCES: tuple[str, ...] = tuple(dict.fromkeys(table.source for table in ALL))
SERVICES: tuple[str, ...] = tuple(source for source in SOURCES if source != "odoo")


def tables_of(source: str) -> tuple[Table, ...]:
    return tuple(table for table in ALL if table.source == source)
