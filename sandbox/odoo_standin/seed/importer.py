"""What the old importer left in Odoo: customers, links, a catalogue, shadow orders, rollups.

Flows in: the rows of a NexaCloud database (`Sample`). Flows out: partners with account links, one
product and one shadow charge per plan, one draft order per subscription, usage rollups, and the
old tool's verdicts on April. Nothing here invoices anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sandbox.odoo_standin.seed.chart import CAD_ID, CANADA_ID, DEFAULT_TAX_ID
from sandbox.odoo_standin.seed.rows import Inserter
from sandbox.odoo_standin.seed.shadow_orders import fill_orders
from sandbox.odoo_standin.seed.usage import METRIC_CODE, fill_rollups, fill_verdicts
from sandbox.rows import Row, Sample

SERVICE_CODE = "nexacloud"
FALLBACK_CODE = "NEXACLOUD"
OVERAGE_CODE = "NEXACLOUD-CPU"

_FIRST_PARTNER_ID = 14
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
        orders = fill_orders(insert, sample, partners)
        fill_rollups(insert, sample, orders)
        fill_verdicts(insert, sample)


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
                "uom_id": 1, "categ_id": 2, "taxes_id": [DEFAULT_TAX_ID], "sequence": 1,
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
