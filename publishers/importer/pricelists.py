"""In which currency Odoo would read a price: an order's is that of its customer's pricelist.

In: a port, then what Odoo holds. Out: the currency of each pricelist, and why a price must wait for
a person. No pricelist is chosen here: which one a customer has is an agreement with him.
"""

from publishers.importer.facts import Facts
from publishers.importer.guard import ShadowPort
from publishers.importer.holdings import PRICELIST, Holding, Holdings
from publishers.importer.kinds import PARTNER
from publishers.importer.records import Record

CUSTOMER = "partner_id"


def read_pricelists(port: ShadowPort, facts: Facts) -> None:
    """The company's pricelists; where all are in its currency, customers are not asked for theirs.

    Odoo computes a customer's for each that is read, which costs more than all his fields.
    """
    if "order" in facts.left_out:
        return
    domain = [("company_id", "in", [False, port.company_id]), ("active", "=", True)]
    for row in port.search_read("product.pricelist", domain, ["currency_id"]):
        facts.pricelists[row["id"]] = str(row["currency_id"][1]).upper()
    if set(facts.pricelists.values()) - {facts.currency}:
        facts.fields[PARTNER.model] |= port.fields_get(PARTNER.model, [PRICELIST]).keys()


def wrong_currency(record: Record, facts: Facts, holdings: Holdings) -> str | None:
    """Why this record's price would mean another amount in Odoo; None where it would not.

    A customer who is not in Odoo yet has no pricelist yet: asked again once he is. What somebody
    else made keeps its price, whatever it means.
    """
    if record.currency is None:
        return None
    wanted, holding = record.currency.upper(), holdings.found.get(record.import_key)
    if record.kind.name != "order":
        if holding is not None and not holding.is_ours:
            return None
        return _told(wanted, facts.currency, "correct the plan, or price it in Odoo by hand")
    if holding is not None:
        return _of_an_order(wanted, holding)
    customer = holdings.found.get(record.wanted[CUSTOMER] or "")
    if customer is None:
        return None
    currency = facts.pricelists.get(customer.pricelist_id or 0, facts.currency)
    return _told(wanted, currency, f"give customer {customer.odoo_id} a pricelist in {wanted}")


def _of_an_order(wanted: str, order: Holding) -> str | None:
    if order.state == "cancel" or order.currency is None:
        return None
    return _told(wanted, order.currency, f"give order {order.odoo_id} a pricelist in {wanted}")


def _told(wanted: str, currency: str, fix: str) -> str | None:
    if wanted == currency:
        return None
    return f"its price is in {wanted}, and Odoo would read it as {currency}: {fix}"
