"""The users that can log in, and their groups; each password is the login's own name.

Flows in: nothing. Flows out: admin, billing (the integration), readonly, draft (may create drafts
but not post), sales, internal (a plain employee), importer (contacts, products, draft orders).
"""

from __future__ import annotations

from sandbox.odoo_standin import access
from sandbox.odoo_standin.passwords import password_hash
from sandbox.odoo_standin.seed.chart import COMPANY_ID
from sandbox.odoo_standin.seed.rows import ADMIN_ID, Inserter

# user id, partner id, login, name, active, groups
_USERS = (
    (1, 2, "__system__", "OdooBot", False, (access.USER, access.SYSTEM)),
    (
        ADMIN_ID, 3, "admin", "Administrator", True,
        (access.USER, access.SYSTEM, access.PARTNER, access.PRODUCT, access.READONLY,
         access.INVOICE, access.MANAGER, access.SALES),
    ),
    (5, 6, "internal", "Internal User", True, (access.USER,)),
    (6, 7, "billing", "Billing Integration", True, (access.USER, access.INVOICE)),
    (7, 8, "readonly", "Read Only", True, (access.USER, access.READONLY)),
    (8, 9, "draft", "Draft Publisher", True, (access.USER, access.DRAFT)),
    (9, 10, "sales", "Sales", True, (access.USER, access.SALES)),
    (
        10, 11, "importer", "NexaCloud Importer", True,
        (access.USER, access.PARTNER, access.PRODUCT, access.SALES, access.BILLING),
    ),
)  # fmt: skip


def fill(insert: Inserter) -> None:
    """Insert groups, users and their partners."""
    numbers = {group: number for number, group in enumerate(access.GROUPS, start=1)}
    insert(
        "res.groups",
        [{"id": numbers[group], "name": name} for group, name in access.GROUPS.items()],
    )
    insert.external_ids("res.groups", numbers.items())
    insert(
        "res.partner",
        [
            {
                "id": partner_id, "name": name, "complete_name": name, "type": "contact",
                "commercial_partner_id": partner_id, "is_company": False, "active": active,
                "email": f"{login.strip('_')}@nexasystems.example", "lang": "en_US",
                "customer_rank": 0, "supplier_rank": 0,
            }
            for _, partner_id, login, name, active, _ in _USERS
        ],
    )  # fmt: skip
    insert(
        "res.users",
        [
            {
                "id": user_id, "login": login, "active": active, "partner_id": partner_id,
                "company_id": COMPANY_ID, "company_ids": [COMPANY_ID],
                "group_ids": sorted(numbers[group] for group in groups),
                "password_hash": None if login == "__system__" else password_hash(login, login),
            }
            for user_id, partner_id, login, _, active, groups in _USERS
        ],
    )  # fmt: skip
