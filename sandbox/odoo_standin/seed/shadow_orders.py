"""Shadow orders: one draft order per subscription, at the plan's flat price, with its taxes.

Flows in: subscriptions and the partners that own them. Flows out: sale.order rows that nobody
confirmed, so that Odoo invoices none of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from sandbox.odoo_standin.seed.chart import CAD_ID, COMPANY_ID, DEFAULT_TAX_ID
from sandbox.odoo_standin.seed.rows import ADMIN_ID, Inserter, utc_text
from sandbox.odoo_standin.taxes import InvoiceLine, Tax, TaxKey, compute
from sandbox.rows import Row, Sample

MONTHLY_PLAN_ID = 1


def fill_orders(insert: Inserter, sample: Sample, partners: dict[str, Row]) -> dict[str, int]:
    """Insert the orders; return the order of each subscription."""
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
                "date_order": utc_text(subscription["started_at"]), "currency_id": CAD_ID,
                "currency_rate": 1, "fiscal_position_id": position_id, "user_id": ADMIN_ID,
                "invoice_status": "no", "locked": False, "amount_untaxed": totals.untaxed,
                "amount_tax": totals.tax, "amount_total": totals.total, "is_subscription": True,
                "plan_id": MONTHLY_PLAN_ID, "subscription_state": "1_draft",
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


class _Positions:
    """Position and taxes of a partner, from the same chart that is seeded."""

    def __init__(self) -> None:
        chart = json.loads(Path(__file__).with_name("chart.json").read_text(encoding="utf-8"))
        self._taxes = {row[0]: row for row in chart["taxes"]}
        self._positions = chart["positions"]

    def __call__(self, partner: Row) -> tuple[int | None, list[int], tuple[Tax, ...]]:
        if not partner["country_id"]:
            return None, [DEFAULT_TAX_ID], self._applied([DEFAULT_TAX_ID])
        for number, _, _, country_id, states, targets, _ in self._positions:
            is_place = not states or partner["state_id"] in states
            if is_place and country_id in (None, partner["country_id"]):
                mapped = [t for t in targets if DEFAULT_TAX_ID in self._taxes[t][9]]
                tax_ids = mapped or [DEFAULT_TAX_ID]
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
