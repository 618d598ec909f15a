"""What the old importer left in Odoo: customers, links, a catalogue, shadow orders, rollups.

Flows in: the rows of a NexaCloud database (`Sample`). Flows out: partners with account links, one
product and one shadow charge per plan, one draft order per subscription, usage rollups, and the
old tool's verdicts on April. Nothing here invoices anything.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.odoo_standin.seed.chart import CAD_ID, CANADA_ID, COMPANY_ID
from sandbox.odoo_standin.seed.rows import ADMIN_ID, Inserter
from sandbox.odoo_standin.taxes import InvoiceLine, Tax, TaxKey, compute
from sandbox.rows import ZONE, Row, Sample

SERVICE_CODE = "nexacloud"
METRIC_CODE = "cpu_seconds"
FALLBACK_CODE = "NEXACLOUD"
OVERAGE_CODE = "NEXACLOUD-CPU"

_FIRST_PARTNER_ID = 14
_DEFAULT_TAX_ID = 11
_MONTHLY_PLAN_ID = 1
_ROLLUP_MONTHS = ((2026, 4), (2026, 5))
_INTERVALS = {"month": ("Monthly", 1, "month"), "year": ("Yearly", 1, "year")}


def fill(insert: Inserter, sample: Sample) -> None:
    """Insert all that belongs to the rows of a NexaCloud database.

    Without a catalogue in Odoo there are no plans, orders and rollups: customers and the fallback
    products alone.
    """
    _service(insert)
    partners = _customers(insert, sample)
    plans = sample.plans if sample.has_odoo_catalogue else []
    _catalogue(insert, plans)
    if sample.has_odoo_catalogue:
        orders = _orders(insert, sample, partners)
        _rollups(insert, sample, orders)
        _verdicts(insert, sample)


def _service(insert: Inserter) -> None:
    insert(
        "fusion.billing.service",
        [{"id": 1, "code": SERVICE_CODE, "name": "NexaCloud", "active": True}],
    )
    insert(
        "fusion.billing.metric",
        [{"id": 1, "code": METRIC_CODE, "name": "CPU seconds", "aggregation": "sum"}],
    )
    insert(
        "sale.subscription.plan",
        [
            {
                "id": number, "name": name, "active": True, "billing_period_value": value,
                "billing_period_unit": unit, "sequence": number,
            }
            for number, (name, value, unit) in enumerate(_INTERVALS.values(), start=1)
        ],
    )  # fmt: skip


# --------------------------------------------------------------------------- customers


def _customers(insert: Inserter, sample: Sample) -> dict[str, Row]:
    countries = _numbers(insert, "select code, id from res_country")
    provinces = _numbers(
        insert, "select code, id from res_country_state where country_id = %s", CANADA_ID
    )
    partners: dict[str, Row] = {}
    for number, user in enumerate(sample.users, start=_FIRST_PARTNER_ID):
        name = user["company_name"] or user["full_name"]
        is_canadian = user["country"] == "CA"
        partners[user["id"]] = {
            "id": number, "name": name, "complete_name": name, "email": user["email"],
            "is_company": bool(user["company_name"]), "type": "contact", "active": True,
            "commercial_partner_id": number, "lang": "en_US", "customer_rank": 1,
            "supplier_rank": 0, "company_id": None,
            "commercial_company_name": user["company_name"] or None,
            "country_id": countries.get(user["country"]),
            "state_id": provinces.get(user["province"]) if is_canadian else None,
        }  # fmt: skip
    insert("res.partner", list(partners.values()))
    insert(
        "fusion.billing.account.link",
        [
            {
                "id": number, "service_id": 1, "external_account_id": user_id,
                "partner_id": partner["id"],
            }
            for number, (user_id, partner) in enumerate(partners.items(), start=1)
        ],
    )  # fmt: skip
    return partners


def _numbers(insert: Inserter, query: str, *parameters: Any) -> dict[str, int]:
    insert.cursor.execute(query, parameters)
    return dict(insert.cursor.fetchall())


# --------------------------------------------------------------------------- catalogue


def _catalogue(insert: Inserter, plans: Sequence[Row]) -> None:
    entries = [(plan["code"], plan["name"], plan["price"], True) for plan in plans]
    entries.append((FALLBACK_CODE, "NexaCloud hosting", Decimal(0), True))
    entries.append((OVERAGE_CODE, "NexaCloud CPU seconds beyond the quota", Decimal(0), True))
    templates, variants = [], []
    for number, (code, name, price, active) in enumerate(entries, start=1):
        templates.append(
            {
                "id": number, "name": name, "default_code": code, "type": "service",
                "active": active, "sale_ok": True, "purchase_ok": False, "list_price": price,
                "uom_id": 1, "categ_id": 2, "taxes_id": [_DEFAULT_TAX_ID], "sequence": 1,
                "invoice_policy": "order",
            }
        )  # fmt: skip
        variants.append(
            {"id": number, "product_tmpl_id": number, "default_code": code, "active": active}
        )
    insert("product.template", templates)
    insert("product.product", variants)
    insert(
        "fusion.billing.charge",
        [
            {
                "id": number, "service_id": 1, "plan_code": plan["code"], "plan_id": None,
                "metric_id": 1, "included_quantity": plan["included_cpu_seconds"],
                "price_per_unit": plan["overage_price_per_cpu_second"], "currency_id": CAD_ID,
                "active": True,
            }
            for number, plan in enumerate(plans, start=1)
        ],
    )  # fmt: skip


# --------------------------------------------------------------------------- shadow orders


def _orders(insert: Inserter, sample: Sample, partners: dict[str, Row]) -> dict[str, int]:
    plans = {plan["id"]: (number, plan) for number, plan in enumerate(sample.plans, start=1)}
    position_of = _Positions()
    orders, lines = [], []
    ids: dict[str, int] = {}
    for number, subscription in enumerate(sample.subscriptions, start=1):
        partner = partners[subscription["user_id"]]
        product_id, plan = plans[subscription["plan_id"]]
        position_id, tax_ids, taxes = position_of(partner)
        line = InvoiceLine(Decimal(1), plan["price"], Decimal(0), taxes)
        totals = compute([line], "round_globally", 2)
        ids[subscription["id"]] = number
        orders.append(
            {
                "id": number, "name": f"S{number:05d}", "state": "draft", "company_id": COMPANY_ID,
                "partner_id": partner["id"], "partner_invoice_id": partner["id"],
                "partner_shipping_id": partner["id"], "origin": "NexaCloud import",
                "date_order": _utc(subscription["started_at"]), "currency_id": CAD_ID,
                "currency_rate": 1, "fiscal_position_id": position_id, "user_id": ADMIN_ID,
                "invoice_status": "no", "locked": False, "amount_untaxed": totals.untaxed,
                "amount_tax": totals.tax, "amount_total": totals.total, "is_subscription": True,
                "plan_id": _MONTHLY_PLAN_ID, "subscription_state": "1_draft",
                "x_fc_nexacloud_subscription_id": subscription["id"],
            }
        )  # fmt: skip
        lines.append(
            {
                "id": number, "order_id": number, "sequence": 10, "product_id": product_id,
                "name": plan["name"], "product_uom_qty": 1, "product_uom_id": 1,
                "price_unit": plan["price"], "discount": 0, "tax_ids": tax_ids,
                "price_subtotal": totals.untaxed, "price_tax": totals.tax,
                "price_total": totals.total, "qty_delivered": 0, "qty_invoiced": 0,
                "qty_to_invoice": 0, "invoice_status": "no", "is_downpayment": False,
            }
        )  # fmt: skip
    insert("sale.order", orders)
    insert("sale.order.line", lines)
    insert.cursor.execute("select setval('sale_order_name_seq', %s)", (max(len(orders), 1),))
    return ids


def _utc(moment: datetime) -> str:
    """Return an aware UTC time as Odoo keeps it: without a zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


class _Positions:
    """Position and taxes of a partner, from the same chart that is seeded."""

    def __init__(self) -> None:
        chart = json.loads(Path(__file__).with_name("chart.json").read_text(encoding="utf-8"))
        self._taxes = {row[0]: row for row in chart["taxes"]}
        self._positions = chart["positions"]

    def __call__(self, partner: Row) -> tuple[int | None, list[int], tuple[Tax, ...]]:
        if not partner["country_id"]:
            return None, [_DEFAULT_TAX_ID], self._applied([_DEFAULT_TAX_ID])
        for number, _, _, country_id, states, targets, _ in self._positions:
            is_place = not states or partner["state_id"] in states
            if is_place and country_id in (None, partner["country_id"]):
                mapped = [t for t in targets if _DEFAULT_TAX_ID in self._taxes[t][9]]
                tax_ids = mapped or [_DEFAULT_TAX_ID]
                return number, tax_ids, self._applied(tax_ids)
        raise LookupError("the chart's last position matches everything")

    def _applied(self, tax_ids: Iterable[int]) -> tuple[Tax, ...]:
        applied: list[Tax] = []
        for tax_id in tax_ids:
            children = self._taxes[tax_id][8]
            group_id = tax_id if children else None
            for key in children or [tax_id]:
                rate = Decimal(str(self._taxes[key][2]))
                applied.append(Tax(TaxKey(key, group_id), rate))
        return tuple(applied)


# --------------------------------------------------------------------------- usage, verdicts


def _rollups(insert: Inserter, sample: Sample, orders: dict[str, int]) -> None:
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
                "period_start": _utc(start), "period_end": _utc(end), "quantity": quantity,
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


def _verdicts(insert: Inserter, sample: Sample) -> None:
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
