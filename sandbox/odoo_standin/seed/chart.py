"""The company and its books: an Ontario company with the Canadian chart, as it was measured.

Flows in: chart.json and geography.json. Flows out: currencies, countries, accounts, journals,
taxes, fiscal positions, payment terms, with the ids of the measured database.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox.odoo_standin.seed.rows import Inserter

COMPANY_ID = 1
CANADA_ID = 38
CAD_ID = 3
ONTARIO_ID = 541
DEFAULT_TAX_ID = 11
_HERE = Path(__file__).parent

_CURRENCIES = (
    (1, "USD", "United States dollar", "$", 2, True),
    (2, "EUR", "Euro", "€", 2, False),
    (3, "CAD", "Canadian dollar", "$", 2, True),
    (4, "GBP", "Pound sterling", "£", 2, False),
    (5, "JPY", "Japanese yen", "¥", 0, False),
)
_ACCOUNTS = (
    (57, "112000", "Trade Accounts Receivable", "asset_receivable"),
    (90, "211000", "Trade Accounts Payable", "liability_payable"),
    (254, "231000", "GST to pay", "liability_current"),
    (255, "232000", "PST/QST to pay", "liability_current"),
    (256, "233100", "HST to pay - 13%", "liability_current"),
    (257, "233200", "HST to pay - 14%", "liability_current"),
    (258, "233300", "HST to pay - 15%", "liability_current"),
    (264, "118100", "GST receivable", "asset_current"),
    (265, "118200", "PST/QST receivable", "asset_current"),
    (266, "118310", "HST receivable - 13%", "asset_current"),
    (267, "118320", "HST receivable - 14%", "asset_current"),
    (268, "118330", "HST receivable - 15%", "asset_current"),
    (301, "411100", "Sales of Goods", "income"),
    (310, "511100", "Cost of Goods", "expense"),
    (390, "111100", "Bank", "asset_cash"),
    (396, "111400", "Liquidity Transfer", "asset_current"),
)
_JOURNALS = (
    (7, "INV", "Customer Invoices", "sale", 301, 5),
    (8, "BILL", "Vendor Bills", "purchase", 310, 6),
    (9, "MISC", "Miscellaneous Operations", "general", None, 9),
    (12, "BNK1", "Bank", "bank", 390, 7),
)
_TERMS = ((1, "Immediate Payment", 0), (2, "15 Days", 15), (3, "21 Days", 21), (4, "30 Days", 30))
_TAX_NAMES = {
    5: "gst_sale_tax_5", 6: "gst_sale_tax_0", 7: "pst_sale_tax_6_sk", 8: "pst_sale_tax_7_bc",
    9: "pst_sale_tax_7_mb", 10: "qst_sale_tax_9975", 11: "hst_sale_tax_13", 12: "hst_sale_tax_14",
    13: "hst_sale_tax_15", 14: "gstpst_sale_tax_11", 15: "gstpst_sale_tax_12_bc",
    16: "gstpst_sale_tax_12_mb", 17: "gstqst_sale_tax_14975", 18: "int_sale_tax_0",
    19: "exempt_sale_tax_0", 27: "hst_purc_tax_13",
}  # fmt: skip


def fill(insert: Inserter) -> None:
    """Insert the company's settings."""
    chart = json.loads((_HERE / "chart.json").read_text(encoding="utf-8"))
    _geography(insert, chart["states"])
    _company(insert)
    _books(insert)
    _payment_terms(insert)
    _taxes(insert, chart)
    _precision_and_units(insert)
    _payment_settings(insert)


def _geography(insert: Inserter, provinces: list[list[Any]]) -> None:
    world = json.loads((_HERE / "geography.json").read_text(encoding="utf-8"))
    numbers = {code: number for number, (code, _) in enumerate(world["countries"], start=1)}
    insert(
        "res.country",
        [{"id": numbers[code], "code": code, "name": name} for code, name in world["countries"]],
    )
    states = [
        {"id": number, "code": code, "name": name, "country_id": CANADA_ID}
        for number, code, name in provinces
    ]
    # Below and above the Canadian ones: where codes collide, the first match is the wrong one.
    for number, (country, code, name) in enumerate(world["states"], start=1):
        states.append({"id": number, "code": code, "name": name, "country_id": numbers[country]})
    insert("res.country.state", states)
    insert.external_ids(
        "res.country", ((f"base.{code.lower()}", number) for code, number in numbers.items())
    )
    insert.external_ids(
        "res.country.state",
        ((f"base.state_ca_{code.lower()}", number) for number, code, _ in provinces),
    )


def _company(insert: Inserter) -> None:
    insert(
        "res.currency",
        [
            {
                "id": number, "name": name, "full_name": title, "symbol": symbol,
                "decimal_places": decimals, "rounding": 10**-decimals, "active": active,
                "position": "before",
            }
            for number, name, title, symbol, decimals, active in _CURRENCIES
        ],
    )  # fmt: skip
    insert.external_ids("res.currency", ((f"base.{name}", n) for n, name, *_ in _CURRENCIES))
    name = "NexaSystems Inc"
    insert(
        "res.partner",
        [
            {
                "id": 1, "name": name, "complete_name": name, "is_company": True, "type": "contact",
                "commercial_partner_id": 1, "commercial_company_name": name, "active": True,
                "country_id": CANADA_ID, "state_id": ONTARIO_ID, "lang": "en_US",
                "email": "billing@nexasystems.example", "customer_rank": 0, "supplier_rank": 0,
            }
        ],
    )  # fmt: skip
    insert(
        "res.company",
        [
            {
                "id": COMPANY_ID, "name": name, "partner_id": 1, "currency_id": CAD_ID,
                "active": True, "account_fiscal_country_id": CANADA_ID, "sequence": 0,
                "tax_calculation_rounding_method": "round_globally",
                "account_sale_tax_id": 11, "account_purchase_tax_id": 27,
                "account_price_include": "tax_excluded", "chart_template": "ca_2023",
                "domestic_fiscal_position_id": 3,
            }
        ],
    )  # fmt: skip
    insert.external_ids("res.company", [("base.main_company", COMPANY_ID)])
    insert.external_ids("res.partner", [("base.main_partner", 1)])


def _books(insert: Inserter) -> None:
    insert(
        "account.account",
        [
            {
                "id": number, "code": code, "name": name, "account_type": kind, "active": True,
                "reconcile": kind == "asset_receivable", "company_ids": [COMPANY_ID],
            }
            for number, code, name, kind in _ACCOUNTS
        ],
    )  # fmt: skip
    insert(
        "account.journal",
        [
            {
                "id": number, "code": code, "name": name, "type": kind, "active": True,
                "company_id": COMPANY_ID, "default_account_id": account, "sequence": sequence,
                "refund_sequence": kind in ("sale", "purchase"), "payment_sequence": kind == "bank",
            }
            for number, code, name, kind, account, sequence in _JOURNALS
        ],
    )  # fmt: skip


def _payment_terms(insert: Inserter) -> None:
    insert(
        "account.payment.method.line",
        [
            {"id": 1, "name": "Manual Payment", "journal_id": 12, "payment_type": "inbound"},
            {"id": 2, "name": "Manual Payment", "journal_id": 12, "payment_type": "outbound"},
        ],
    )
    insert(
        "account.payment.term",
        [
            {"id": number, "name": name, "active": True, "sequence": number * 10}
            for number, name, _ in _TERMS
        ],
    )
    insert(
        "account.payment.term.line",
        [
            {
                "id": number, "payment_id": number, "value": "percent", "value_amount": 100,
                "delay_type": "days_after", "nb_days": days,
            }
            for number, _, days in _TERMS
        ],
    )  # fmt: skip


def _taxes(insert: Inserter, chart: dict[str, Any]) -> None:
    insert(
        "account.tax.group",
        [
            {
                "id": number, "name": name, "sequence": 10, "company_id": COMPANY_ID,
                "country_id": CANADA_ID,
            }
            for number, name in chart["tax_groups"]
        ],
    )  # fmt: skip
    names = (
        "id", "name", "amount", "amount_type", "type_tax_use", "sequence", "tax_group_id",
        "is_domestic", "children_tax_ids", "original_tax_ids", "invoice_label", "description",
        "standin_account_id",
    )  # fmt: skip
    always = {
        "active": True, "company_id": COMPANY_ID, "country_id": CANADA_ID,
        "include_base_amount": False, "is_base_affected": True,
    }  # fmt: skip
    insert("account.tax", [dict(zip(names, row, strict=True)) | always for row in chart["taxes"]])
    insert.external_ids("account.tax", ((f"account.1_{n}", tax) for tax, n in _TAX_NAMES.items()))
    keys = ("id", "name", "sequence", "country_id", "state_ids", "tax_ids", "is_domestic")
    insert(
        "account.fiscal.position",
        [
            dict(zip(keys, row, strict=True))
            | {"active": True, "auto_apply": True, "vat_required": False, "company_id": COMPANY_ID}
            for row in chart["positions"]
        ],
    )


def _precision_and_units(insert: Inserter) -> None:
    digits = {
        "Product Price": 2, "Product Unit": 2, "Discount": 2, "Payment Terms": 6,
        "Percentage Analytic": 2,
    }  # fmt: skip
    insert(
        "decimal.precision",
        [
            {"id": number, "name": name, "digits": places}
            for number, (name, places) in enumerate(digits.items(), start=1)
        ],
    )
    insert("uom.uom", [{"id": 1, "name": "Units", "active": True, "factor": 1, "sequence": 10}])
    insert("product.category", [{"id": 1, "name": "All", "complete_name": "All"}])
    insert("product.category", [{"id": 2, "name": "Services", "complete_name": "Services"}])
    insert(
        "product.pricelist",
        [{"id": 1, "name": "Default", "active": True, "currency_id": CAD_ID, "sequence": 16}],
    )


def _payment_settings(insert: Inserter) -> None:
    insert("payment.method", [{"id": 1, "name": "Card", "code": "card", "active": True}])
    insert(
        "payment.provider",
        [
            {
                "id": 1, "name": "Demo", "code": "demo", "state": "test",
                "company_id": COMPANY_ID, "journal_id": 12,
            }
        ],
    )  # fmt: skip
    insert(
        "ir.cron",
        [{"id": 1, "cron_name": "payment: post-process transactions", "active": True}],
    )
    insert.external_ids("ir.cron", [("payment.cron_post_process_payment_tx", 1)])
