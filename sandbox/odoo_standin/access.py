"""Who may do what: groups, access lists and record rules, and the sentences Odoo refuses with.

Flows in: an Env and an operation. Flows out: silence, or an AccessError. `search` never fails on
records of other companies, it just does not find them; `read` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.odoo_standin.domain import TRUE, Condition, joined, translate
from sandbox.odoo_standin.environment import Env
from sandbox.odoo_standin.errors import AccessError, missing
from sandbox.odoo_standin.registry import Field, Model

USER = "base.group_user"
SYSTEM = "base.group_system"
PARTNER = "base.group_partner_manager"
PRODUCT = "product.group_product_manager"
READONLY = "account.group_account_readonly"
INVOICE = "account.group_account_invoice"
MANAGER = "account.group_account_manager"
SALES = "sales_team.group_sale_salesman"
PORTAL = "base.group_portal"
DRAFT = "standin.group_draft_publisher"
BILLING = "fusion_centralize_billing.group_manager"
ANALYTIC = "analytic.group_analytic_accounting"
FULL = "account.group_account_user"

# In the order in which a refusal lists them.
GROUPS: Mapping[str, str] = {
    MANAGER: "Accounting/Administrator",
    INVOICE: "Accounting/Invoicing",
    SALES: "Sales/User: Own Documents Only",
    ANALYTIC: "Analytic Accounting",
    PARTNER: "Contact / Creation",
    DRAFT: "Draft invoice publisher",
    BILLING: "Fusion Billing / Manager",
    PRODUCT: "Products / Create",
    SYSTEM: "Role / Administrator",
    PORTAL: "Role / Portal",
    USER: "Role / User",
    READONLY: "Show Accounting Features - Readonly",
    FULL: "Show Full Accounting Features",
}

_ALL = "read write create unlink"
_Acl = dict[str, str]


def _everyone_reads(**more: str) -> _Acl:
    return {USER: "read", SYSTEM: _ALL, **more}


_BOOKS: _Acl = {READONLY: "read", INVOICE: "read", MANAGER: _ALL, SYSTEM: _ALL}
_ENTRIES: _Acl = {
    READONLY: "read", PORTAL: "read", SALES: "read", MANAGER: "read",
    INVOICE: _ALL, DRAFT: "read write create",
}  # fmt: skip
_PAYMENTS: _Acl = {READONLY: "read", INVOICE: _ALL}
_ORDERS: _Acl = {
    PORTAL: "read", READONLY: "read", FULL: "read", INVOICE: "read write", SALES: _ALL,
}  # fmt: skip
_SYSTEM_ONLY: _Acl = {SYSTEM: _ALL}

# Models that are not listed are read by every internal user and written by administrators.
_ACL: Mapping[str, _Acl] = {
    "account.move": _ENTRIES,
    "account.move.line": _ENTRIES,
    "account.account": _BOOKS | {DRAFT: "read"},
    "account.journal": _BOOKS | {SALES: "read", DRAFT: "read"},
    "account.tax": _everyone_reads(**{MANAGER: _ALL}),
    "account.fiscal.position": _everyone_reads(**{MANAGER: _ALL}),
    "account.payment": _PAYMENTS,
    "account.partial.reconcile": _PAYMENTS,
    "account.full.reconcile": _PAYMENTS,
    "account.payment.register": {INVOICE: _ALL},
    "account.move.reversal": {INVOICE: _ALL},
    "payment.transaction": {INVOICE: "read write create", SYSTEM: _ALL},
    "payment.provider": _SYSTEM_ONLY,
    "sale.order": _ORDERS,
    "sale.order.line": _ORDERS,
    "res.partner": _everyone_reads(**{PARTNER: _ALL}),
    "res.partner.bank": _everyone_reads(**{PARTNER: _ALL}),
    "product.template": _everyone_reads(**{PRODUCT: _ALL}),
    "product.product": _everyone_reads(**{PRODUCT: _ALL}),
    "decimal.precision": _SYSTEM_ONLY,
    "ir.model.data": _SYSTEM_ONLY,
    "ir.cron": _SYSTEM_ONLY,
    **dict.fromkeys(
        (
            "fusion.billing.service",
            "fusion.billing.metric",
            "fusion.billing.account.link",
            "fusion.billing.charge",
        ),
        _everyone_reads(**{BILLING: "read write create"}),
    ),
    "discuss.channel.rtc.session": _SYSTEM_ONLY,
    "account.analytic.line": {MANAGER: _ALL, INVOICE: _ALL, ANALYTIC: _ALL, READONLY: "read"},
}

# Models that only a refusal speaks of.
_DESCRIPTIONS = {
    "discuss.channel.rtc.session": "Mail RTC session",
    "account.analytic.line": "Analytic Line",
}

# Checked before a write or a create, never after: a draft rule does not stop state=posted.
_DRAFT_ONLY: list[Any] = [["move_type", "=", "out_invoice"], ["state", "=", "draft"]]


def _allowed_groups(model: str, operation: str) -> list[str]:
    acl = _ACL.get(model, _everyone_reads())
    return [group for group, rights in acl.items() if operation in rights.split()]


def may(env: Env, model: str, operation: str) -> bool:
    """Say whether the caller has the access right, record rules aside."""
    return env.is_sudo or env.has_group(*_allowed_groups(model, operation))


def check_right(env: Env, model: str, operation: str) -> None:
    """Raise AccessError, worded as Odoo's, unless the caller has the right."""
    if may(env, model, operation):
        return
    described = env.registry.models.get(model)
    title = described.description if described else _DESCRIPTIONS.get(model, model)
    verbs = {"read": "access", "write": "modify", "create": "create", "unlink": "delete"}
    allowed = _allowed_groups(model, operation)
    names = [title for group, title in GROUPS.items() if group in allowed]
    raise AccessError(
        f"You are not allowed to {verbs[operation]} '{title}' ({model}) records.\n\n"
        "This operation is allowed for the following groups:\n"
        + "".join(f"\t- {name}\n" for name in names)
        + "\nContact your administrator to request access if necessary."
    )


def check_read_through(env: Env, source: str, model: str, field: str) -> None:
    """Raise AccessError for a field whose value lies in a model that the caller may not read."""
    try:
        check_right(env, source, "read")
    except AccessError as error:
        raise AccessError(f"Failed to read field {model}.{field}\n{error.message}") from None


def check_field(env: Env, model: Model, field: Field) -> None:
    """Raise AccessError for a field that is reserved to groups which the caller is not in."""
    if field_is_visible(env, field):
        return
    raise AccessError(
        f"You do not have enough rights to access the field {field.name!r} on "
        f"{model.description} ({model.name}). Please contact your system administrator.\n\n"
        "Operation: read"
    )


def field_is_visible(env: Env, field: Field) -> bool:
    return not field.groups or env.has_group(*field.groups.split(","))


def rule(env: Env, model: Model, operation: str) -> Condition:
    """Return the record rules as a condition over `t`: companies, and drafts only for some."""
    if env.is_sudo:
        return TRUE
    conditions: list[Condition] = []
    if model.name == "res.company" and operation != "create":
        conditions.append(Condition("t.id = any(%s)", (list(env.company_ids),)))
    elif "company_id" in model.fields and model.fields["company_id"].column_type:
        conditions.append(
            Condition("(t.company_id is null or t.company_id = any(%s))", (list(env.company_ids),))
        )
    only_drafts = model.name == "account.move" and operation != "read"
    if only_drafts and env.has_group(DRAFT) and not env.has_group(INVOICE):
        conditions.append(translate(env, model, _DRAFT_ONLY))
    return joined(conditions, "and") if conditions else TRUE


def check_records(env: Env, model: Model, ids: Iterable[int], operation: str) -> None:
    """Raise MissingError for records that are gone, AccessError for those a rule hides."""
    wanted = set(ids)
    condition = rule(env, model, operation)
    query = f"select t.id, ({condition.sql}) from {model.table} t where t.id = any(%s)"
    found = dict(env.tuples(query, (*condition.parameters, list(wanted))))
    if operation != "read":
        for record_id in sorted(wanted - found.keys()):
            raise missing(model.name, record_id, env.uid)
    forbidden = sorted(record_id for record_id, is_allowed in found.items() if not is_allowed)
    if forbidden:
        raise AccessError(
            "Uh-oh! Looks like you have stumbled upon some top-secret records.\n\n"
            f"Sorry, {env.user.name} (id={env.uid}) doesn't have '{operation}' access to:\n"
            f"- {model.description} ({model.name})\n\n"
            "If you really, really need access, perhaps you can win over your friendly "
            "administrator with a batch of freshly baked cookies."
        )
