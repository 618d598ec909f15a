"""What must be true in Odoo before anything is sent, asked once per run.

In: the ids that the lines of this run use. Out: OdooFacts, with what is wrong with an id by name.
Odoo itself accepts archived taxes, purchase taxes, missing rates and wrong digits without a word,
so nobody else would notice.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from connections.errors import OdooPermanentError
from connections.odoo import OdooPort
from publishers.facts import Currency, OdooFacts
from publishers.lines import Line
from publishers.taxes import Digits, RoundingMethod, TaxComponent

ALSO_ARCHIVED = {"active_test": False}
PAGE = 2000
LOCK_DATES = ("fiscalyear_lock_date", "sale_lock_date", "tax_lock_date", "hard_lock_date")
WRITTEN = ("account.move", "account.move.line")
READ = ("account.journal",)
# Some builds of 19.0 do not round prices and say `digits: False`. The warehouse's own have six.
KEPT_AS_SENT = 6
UNTOLD = (16, 2)
TAX_FIELDS = (
    "name",
    "amount",
    "amount_type",
    "price_include",
    "include_base_amount",
    "children_tax_ids",
    "active",
    "type_tax_use",
    "company_id",
)


def read_facts(port: OdooPort, lines: Sequence[Line]) -> OdooFacts:
    """Ask Odoo everything that the documents of these lines depend on.

    A user who may not publish may not read all of it either, and is told what to be granted.
    """
    company, denied = _company(port), _denied(port)
    if denied:
        method = _rounding_method(company)
        return OdooFacts(port.company_id, method, Digits(), None, {}, {}, {}, denied=denied)
    journal = _journal(port)
    taxes, tax_problems = _taxes(port, {tax_id for line in lines for tax_id in line.tax_ids})
    product_ids = {line.product_id for line in lines if line.product_id}
    partner_problems = _partner_problems(port, {line.partner_id for line in lines})
    return OdooFacts(
        company_id=port.company_id,
        rounding_method=_rounding_method(company),
        digits=_digits(port),
        journal_id=journal["id"] if journal else None,
        income_account=_label(journal, "default_account_id"),
        currencies=_currencies(port, {line.currency for line in lines}, company["currency_id"][0]),
        taxes=taxes,
        problems=tax_problems | partner_problems | _product_problems(port, product_ids),
        locked_until=_locked_until(company),
    )


def _company(port: OdooPort) -> dict[str, Any]:
    locks = list(port.fields_get("res.company", LOCK_DATES, ["type"]))
    fields = ["currency_id", "tax_calculation_rounding_method", *locks]
    found = port.read("res.company", [port.company_id], fields)
    if not found:
        raise OdooPermanentError(
            f"company {port.company_id} does not exist in Odoo: set ODOO_COMPANY_ID"
        )
    return found[0]


def _rounding_method(company: dict[str, Any]) -> RoundingMethod:
    method = company["tax_calculation_rounding_method"]
    if method == "round_per_line":
        return "round_per_line"
    if method == "round_globally":
        return "round_globally"
    raise OdooPermanentError(f"Odoo rounds taxes by {method!r}, which is not known here")


def _locked_until(company: dict[str, Any]) -> date | None:
    days = [date.fromisoformat(company[name]) for name in LOCK_DATES if company.get(name)]
    return max(days, default=None)


def _denied(port: OdooPort) -> str | None:
    """Which right the user who publishes lacks. An Odoo that does not tell is asked by sending."""
    try:
        lacking = [f"create {m}" for m in WRITTEN if not _may(port, m, "create")]
        lacking += [f"read {m}" for m in READ if not _may(port, m, "read")]
    except OdooPermanentError:
        return None
    if not lacking:
        return None
    return f"the publishing user may not {' and '.join(lacking)} in Odoo: grant it"


def _may(port: OdooPort, model: str, right: str) -> bool:
    return bool(port.execute(model, "has_access", [], right))


def _digits(port: OdooPort) -> Digits:
    found = port.fields_get("account.move.line", ["price_unit", "quantity", "discount"], ["digits"])

    def of(name: str) -> int:
        digits = found.get(name, {}).get("digits", UNTOLD)
        return KEPT_AS_SENT if digits is False else int(digits[1])

    return Digits(price=of("price_unit"), quantity=of("quantity"), discount=of("discount"))


def _journal(port: OdooPort) -> dict[str, Any] | None:
    domain = [("type", "=", "sale"), ("company_id", "=", port.company_id)]
    fields = ["default_account_id"]
    found = port.search_read("account.journal", domain, fields, order="sequence, id", limit=1)
    return found[0] if found else None


def _label(row: dict[str, Any] | None, field: str) -> str | None:
    """What Odoo calls the record that a field links to."""
    return str(row[field][1]) if row and row[field] else None


def _currencies(port: OdooPort, names: set[str], company_currency: int) -> dict[str, Currency]:
    found = port.search_read(
        "res.currency",
        [("name", "in", sorted(names))],
        ["name", "decimal_places", "active"],
        context=ALSO_ARCHIVED,
    )
    return {
        row["name"]: Currency(
            currency_id=row["id"],
            name=row["name"],
            decimals=row["decimal_places"],
            is_active=row["active"],
            has_rate=row["id"] == company_currency or _has_rate(port, row["id"]),
        )
        for row in found
    }


def _has_rate(port: OdooPort, currency_id: int) -> bool:
    try:
        return bool(port.search("res.currency.rate", [("currency_id", "=", currency_id)], limit=1))
    except OdooPermanentError:
        # Not readable for this user: then nobody vouches for the rate.
        return False


def _taxes(
    port: OdooPort, tax_ids: set[int]
) -> tuple[dict[int, tuple[TaxComponent, ...]], dict[tuple[str, int], str]]:
    """Components of each tax and what is wrong with it; children of group taxes are read too."""
    rows = _by_id(port, "account.tax", tax_ids, TAX_FIELDS)
    children = {child for row in rows.values() for child in row["children_tax_ids"]}
    every = rows | _by_id(port, "account.tax", children - set(rows), TAX_FIELDS)
    components: dict[int, tuple[TaxComponent, ...]] = {}
    problems: dict[tuple[str, int], str] = {}
    for tax_id in sorted(tax_ids):
        problem = _tax_problem(tax_id, every, port.company_id)
        if problem:
            problems["tax", tax_id] = problem
        else:
            components[tax_id] = _components(tax_id, every)
    return components, problems


def _components(tax_id: int, rows: dict[int, dict[str, Any]]) -> tuple[TaxComponent, ...]:
    row = rows[tax_id]
    if row["amount_type"] != "group":
        return (TaxComponent(tax_id, Decimal(str(row["amount"]))),)
    return tuple(
        TaxComponent(child, Decimal(str(rows[child]["amount"])))
        for child in row["children_tax_ids"]
    )


def _tax_problem(tax_id: int, rows: dict[int, dict[str, Any]], company_id: int) -> str | None:
    row = rows.get(tax_id)
    if row is None:
        return f"tax {tax_id} does not exist in Odoo: load again"
    name = f"tax {row['name']} ({tax_id})"
    if not row["active"]:
        return f"{name} is archived in Odoo: activate it or change the fiscal position"
    if row["type_tax_use"] != "sale":
        return f"{name} is a {row['type_tax_use']} tax: an invoice needs a sale tax"
    if row["company_id"] and row["company_id"][0] != company_id:
        return f"{name} belongs to another company: {row['company_id'][1]}"
    parts = [rows[child] for child in row["children_tax_ids"]] or [row]
    for part in parts:
        if part["amount_type"] != "percent" or part["price_include"] or part["include_base_amount"]:
            return f"{name}: only plain percentages on top of the price are supported"
    return None


def _partner_problems(port: OdooPort, partner_ids: set[int]) -> dict[tuple[str, int], str]:
    rows = _by_id(port, "res.partner", partner_ids, ("name", "active", "country_id", "state_id"))
    countries = {row["country_id"][0] for row in rows.values() if row["country_id"]}
    codes = {i: row["code"] for i, row in _by_id(port, "res.country", countries, ("code",)).items()}
    problems: dict[tuple[str, int], str] = {}
    for partner_id in sorted(partner_ids):
        row = rows.get(partner_id)
        if row is None:
            problem = f"partner {partner_id} does not exist in Odoo: load again"
        elif not row["active"]:
            problem = f"partner {row['name']} ({partner_id}) is archived in Odoo: unarchive it"
        elif row["country_id"] and codes.get(row["country_id"][0]) == "CA" and not row["state_id"]:
            # Odoo would fall through to the international position and charge no tax at all.
            problem = f"partner {row['name']} ({partner_id}) has no province in Canada: enter it"
        else:
            continue
        problems["partner", partner_id] = problem
    return problems


def _product_problems(port: OdooPort, product_ids: set[int]) -> dict[tuple[str, int], str]:
    rows = _by_id(port, "product.product", product_ids, ("active",))
    return {
        ("product", product_id): f"product {product_id} is archived or gone in Odoo: fix the map"
        for product_id in sorted(product_ids)
        if not rows.get(product_id, {}).get("active")
    }


def _by_id(
    port: OdooPort, model: str, ids: set[int], fields: Sequence[str]
) -> dict[int, dict[str, Any]]:
    wanted, found = sorted(ids), list[dict[str, Any]]()
    for start in range(0, len(wanted), PAGE):
        domain = [("id", "in", wanted[start : start + PAGE])]
        found += port.search_read(model, domain, list(fields), context=ALSO_ARCHIVED)
    return {row["id"]: row for row in found}
