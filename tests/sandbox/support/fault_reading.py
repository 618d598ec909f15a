"""Read a generated world as a stranger would: from its rows alone.

In: a world. Out: its counted invoices, their items, and the month to which each invoice belongs.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sandbox.faults import World
from sandbox.rows import Row, Sample

Period = tuple[datetime, datetime]


def counted(sample: Sample) -> list[Row]:
    """Invoices of subscriptions that count: neither void nor drafts."""
    return [
        row
        for row in sample.invoices
        if row["subscription_id"] and row["status"] in ("open", "paid", "uncollectible")
    ]


def items_of(sample: Sample) -> dict[str, list[Row]]:
    """All items by invoice."""
    items: dict[str, list[Row]] = defaultdict(list)
    for row in sample.invoice_items:
        items[row["invoice_id"]].append(row)
    return items


def invoices_of(world: World, truth: Row) -> list[Row]:
    """The invoices of a subscription's month, void ones and drafts included."""
    months = months_of(world)
    return [
        invoice
        for invoice in world.after.invoices
        if invoice["subscription_id"] == truth["external_subscription_id"]
        and months[(invoice["period_start"], invoice["period_end"])] == truth["period_start"]
    ]


def months_of(world: World) -> dict[Period, datetime]:
    """The start of the month that each invoiced period overlaps most."""
    months = {(row["period_start"], row["period_end"]) for row in world.truth}
    periods = {(row["period_start"], row["period_end"]) for row in world.after.invoices}

    def overlap(month: Period, period: Period) -> timedelta:
        return min(month[1], period[1]) - max(month[0], period[0])

    return {
        period: max(sorted(months), key=lambda month: overlap(month, period))[0]
        for period in periods
    }


def singles(world: World, variant: str) -> list[tuple[Row, list[Row]]]:
    """The months that went wrong in this one way, each with its invoices."""
    found = [
        (row, invoices_of(world, row))
        for row in world.truth
        if row["kind"] == "single" and row["causes"][0]["variant"] == variant
    ]
    assert found, f"no single fault {variant}"
    return found
