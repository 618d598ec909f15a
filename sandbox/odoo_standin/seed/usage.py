"""Usage rollups, and the old tool's verdicts on them.

Flows in: usage records and invoices of the app. Flows out: fusion.billing.usage per subscription
and month, and one fusion.billing.reconciliation row per invoice of April.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sandbox.odoo_standin.seed.rows import Inserter, utc_text
from sandbox.rows import ZONE, Row, Sample

METRIC_CODE = "cpu_seconds"
_ROLLUP_MONTHS = ((2026, 4), (2026, 5))


def fill_rollups(insert: Inserter, sample: Sample, orders: dict[str, int]) -> None:
    """Insert the counted usage per subscription and month: a key counts once, the first time."""
    months = [(_month(year, month), _month(year, month + 1)) for year, month in _ROLLUP_MONTHS]
    totals: defaultdict[tuple[str, datetime, datetime], Decimal] = defaultdict(Decimal)
    for record in _counted(sample.usage_records):
        for start, end in months:
            if start <= record["window_start"] < end:
                totals[record["subscription_id"], start, end] += record["quantity"]
    insert(
        "fusion.billing.usage",
        [
            {
                "id": number, "service_id": 1, "subscription_id": orders[subscription_id],
                "external_subscription_id": subscription_id, "metric_id": 1,
                "period_start": utc_text(start), "period_end": utc_text(end), "quantity": quantity,
                "idempotency_key": f"{subscription_id}:{METRIC_CODE}:{start:%Y-%m}",
            }
            for number, ((subscription_id, start, end), quantity) in enumerate(
                sorted(totals.items()), start=1
            )
        ],
    )  # fmt: skip


def _month(year: int, month: int) -> datetime:
    """Return the UTC time at which a month begins in the billing time zone."""
    return datetime(year, month, 1, tzinfo=ZONE).astimezone(UTC)


def _counted(records: Sequence[Row]) -> Iterator[Row]:
    seen: set[tuple[str, str, str]] = set()
    for record in records:
        key = (record["subscription_id"], record["metric"], record["idempotency_key"])
        if key not in seen:
            seen.add(key)
            yield record


def fill_verdicts(insert: Inserter, sample: Sample) -> None:
    """Insert what the old tool said of April: list price against invoice, whatever was due."""
    start, end = _month(2026, 4), _month(2026, 5)
    prices = {plan["id"]: plan["price"] for plan in sample.plans}
    listed = {row["id"]: prices[row["plan_id"]] for row in sample.subscriptions}
    usage = _usage_amounts(sample)
    rows: list[Row] = []
    for invoice in sample.invoices:
        if not (start <= invoice["period_start"] < end) or invoice["status"] in ("draft", "void"):
            continue
        subscription_id = invoice["subscription_id"]
        expected = Decimal(0)
        if subscription_id is not None:
            expected = listed[subscription_id] + usage[invoice["id"]]
        rows.append(
            {
                "id": len(rows) + 1, "service_id": 1, "period": "2026-04",
                "external_subscription_id": subscription_id, "odoo_amount": expected,
                "app_amount": invoice["subtotal"], "delta": expected - invoice["subtotal"],
                "status": "match" if expected == invoice["subtotal"] else "differ",
            }
        )  # fmt: skip
    insert("fusion.billing.reconciliation", rows)


def _usage_amounts(sample: Sample) -> defaultdict[str, Decimal]:
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    for item in sample.invoice_items:
        if item["kind"] == "usage":
            amounts[item["invoice_id"]] += item["amount"]
    return amounts
