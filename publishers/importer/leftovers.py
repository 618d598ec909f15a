"""What an earlier import brought into Odoo and nobody uses: ours, and the old importer's.

In: a look at both sides. Out: steps that archive it, each with its reason. The old importer's
products and charges are known by the app's plan codes and by its own pattern, its orders by the
app's subscription id; what a person made by hand is never listed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from connections.odoo import Record as OdooRecord
from publishers.importer.guard import ORDER_LINE, ShadowPort
from publishers.importer.kinds import CHARGE, ORDER, PRODUCT, Kind
from publishers.importer.reverting import Step, archive, needing
from publishers.importer.running import Look

OLD_CODES = "NC-"
SUBSCRIPTION = "x_fc_nexacloud_subscription_id"
NOT_OURS = "the old importer's code, and no plan that is sold or held has it"


def find_leftovers(port: ShadowPort, found: Look) -> list[Step]:
    """Orders first: a product may go when the orders that have it go."""
    has = {kind.name for kind in found.facts.kinds()}
    orders = _orders(port, found) if ORDER.name in has else []
    charges = _charges(port, found) if CHARGE.name in has else []
    return [*orders, *charges, *_products(port, found, orders)]


def _in_use(found: Look, kind: Kind) -> set[int]:
    """Odoo ids of what is in scope."""
    return {
        found.holdings.found[record.import_key].odoo_id
        for record in found.records
        if record.kind is kind
        and not record.skip_reason
        and record.import_key in found.holdings.found
    }


def _reasons(found: Look, kind: Kind, field: str) -> dict[str, str]:
    """Why what has this code or id is out of scope, by code or id."""
    return {
        record.wanted[field] or "": record.skip_reason
        for record in found.records
        if record.kind is kind and record.skip_reason
    }


def _keys(found: Look, kind: Kind) -> dict[int, str]:
    """The import key of what is ours or matched, by Odoo id."""
    return {
        holding.odoo_id: key
        for key, holding in found.holdings.found.items()
        if key.startswith(f"{kind.name}:")
    }


def _orders(port: ShadowPort, found: Look) -> list[Step]:
    used, reasons, keys = _in_use(found, ORDER), _reasons(found, ORDER, "client_order_ref"), {}
    keys = _keys(found, ORDER)
    own = set(found.reader.own(ORDER).values())
    has_id = SUBSCRIPTION in found.facts.fields[ORDER.model]
    shadow: list[Any] = [(SUBSCRIPTION, "!=", False)] if has_id else [("id", "in", sorted(own))]
    either = ["|", *shadow, ("id", "in", sorted(own))] if has_id and own else shadow
    fields = ["name", "client_order_ref", "invoice_ids", *([SUBSCRIPTION] if has_id else [])]
    steps = []
    for row in port.search_read(ORDER.model, [("state", "=", "draft"), *either], fields):
        if row["id"] in used:
            continue
        subscription = str(row.get(SUBSCRIPTION) or row["client_order_ref"] or "")
        reason = reasons.get(subscription, "no subscription in scope has this order")
        key = keys.get(row["id"], f"old:order:{row['id']}")
        step = archive(key, ORDER, f"{row['name']} {subscription}", row["id"], reason)
        if row["invoice_ids"]:
            step = replace(step, action="skip", changes={}, reason="it has an invoice")
        steps.append(step)
    return steps


def _charges(port: ShadowPort, found: Look) -> list[Step]:
    used, reasons, keys = _in_use(found, CHARGE), _reasons(found, CHARGE, "plan_code"), {}
    keys = _keys(found, CHARGE)
    services = [found.holdings.reference("service:nexacloud", "service_id")]
    domain = [("active", "=", True), ("service_id", "in", [int(s) for s in services if s])]
    own = set(found.reader.own(CHARGE).values())
    steps = []
    for row in port.search_read(CHARGE.model, domain, ["plan_code", "plan_id"]):
        reason = _reason(row["plan_code"], row["id"] in own, reasons)
        if row["id"] in used or reason is None:
            continue
        key = keys.get(row["id"], f"old:charge:{row['id']}")
        step = archive(key, CHARGE, row["plan_code"], row["id"], reason)
        if row["plan_id"]:
            step = replace(step, action="skip", changes={}, reason="plan_id is set: it bills")
        steps.append(step)
    return steps


def _products(port: ShadowPort, found: Look, orders: Iterable[Step]) -> list[Step]:
    used, reasons = _in_use(found, PRODUCT), _reasons(found, PRODUCT, "default_code")
    keys, own = _keys(found, PRODUCT), set(found.reader.own(PRODUCT).values())
    domain: list[Any] = [
        ("active", "=", True), "|", "|", ("id", "in", sorted(own)),
        ("default_code", "in", sorted(reasons)), ("default_code", "=like", f"{OLD_CODES}%"),
    ]  # fmt: skip
    rows = [
        row
        for row in port.search_read(PRODUCT.model, domain, ["default_code", "product_variant_ids"])
        if row["id"] not in used
    ]
    going = {step.odoo_id: step.import_key for step in orders if step.action == "archive"}
    on_orders, on_drafts = _uses_of(port, rows)
    steps = []
    for row in rows:
        code = str(row["default_code"] or "")
        reason = _reason(code, row["id"] in own, reasons) or NOT_OURS
        key = keys.get(row["id"], f"old:product:{row['id']}")
        step = archive(key, PRODUCT, code, row["id"], reason)
        if drafts := on_drafts.get(row["id"]):
            step = replace(step, action="skip", changes={}, reason=f"on draft invoice {drafts}")
        else:
            step = needing(step, on_orders.get(row["id"], []), going)
        steps.append(step)
    return steps


def _reason(code: str, is_ours: bool, reasons: Mapping[str, str]) -> str | None:
    """Why nobody uses it; None where no import brought it."""
    if code in reasons:
        return reasons[code]
    if code.startswith(OLD_CODES):
        return NOT_OURS
    return "no plan of the app has this code any more" if is_ours else None


def _uses_of(
    port: ShadowPort, rows: Iterable[OdooRecord]
) -> tuple[dict[int, list[tuple[int, str]]], dict[int, str]]:
    """Orders (not cancelled) and draft invoices that have these products, by template id."""
    template_of = {variant: row["id"] for row in rows for variant in row["product_variant_ids"]}
    on_variants: list[Any] = [("product_id", "in", sorted(template_of))]
    orders: dict[int, list[tuple[int, str]]] = {}
    lines = port.search_read(
        ORDER_LINE, [*on_variants, ("state", "!=", "cancel")], ["order_id", "product_id"]
    )
    for line in lines:
        order = (line["order_id"][0], line["order_id"][1])
        orders.setdefault(template_of[line["product_id"][0]], []).append(order)
    drafts = port.search_read(
        "account.move.line", [*on_variants, ("parent_state", "=", "draft")],
        ["move_id", "product_id"],
    )  # fmt: skip
    return orders, {template_of[d["product_id"][0]]: str(d["move_id"][0]) for d in drafts}
