"""The sample's customers and plans.

Flows in: nothing. Flows out: 7 rows of `users` in four provinces, 232 rows of `plans`.
"""

from __future__ import annotations

from decimal import Decimal

from sandbox.rows import CURRENCY, Row, identifier, local

_CUSTOMERS = (
    ("Maple Dental Group", "Ann Tremblay", "ON"),
    ("Lakeshore Realty", "Omar Haddad", "ON"),
    ("Northern Freight", "Lucy Chen", "ON"),
    ("Atelier Boréal", "Simon Gagnon", "QC"),
    ("Prairie Grain Co-op", "Dale Kowalski", "AB"),
    ("Pacific Kayak Tours", "Mina Park", "BC"),
    ("Union Street Bakery", "Rosa Bianchi", "ON"),
)


def sample_users() -> list[Row]:
    rows = []
    for number, (company, person, province) in enumerate(_CUSTOMERS, start=1):
        created = local(2025, 6, number, 9)
        rows.append(
            {
                "id": identifier("user", number),
                "email": f"billing@{_slug(company)}.example",
                "full_name": person,
                "company_name": company,
                "country": "CA",
                "province": province,
                "is_active": True,
                "created_at": created,
                "updated_at": created,
            }
        )
    return rows


def _slug(text: str) -> str:
    plain = text.lower().replace("é", "e").replace(" ", "-")
    return "".join(letter for letter in plain if letter.isalnum() or letter == "-")


_FAMILIES = ("vps", "odoo", "wordpress", "n8n", "postgres", "nextcloud", "gitlab", "storage")
_REGIONS = ("tor", "mtl", "cgy", "van")
# size: monthly price, included cpu seconds, price of one more
_SIZES = {
    "nano": ("10.00", "180000", "0.000180"),
    "micro": ("25.00", "360000", "0.000165"),
    "small": ("50.00", "900000", "0.000150"),
    "medium": ("80.00", "1000000", "0.000123"),
    "large": ("120.00", "2592000", "0.000110"),
    "xlarge": ("200.00", "3600000", "0.000098"),
    "2xlarge": ("400.00", "7200000", "0.000087"),
}


def sample_plans() -> list[Row]:
    rows = []
    for family in _FAMILIES:
        rows.append(_plan(f"{family}-free", ("0.00", "36000", "0.000000")))
        for size, terms in _SIZES.items():
            rows.extend(_plan(f"{family}-{size}-{region}", terms) for region in _REGIONS)
    return rows


def _plan(code: str, terms: tuple[str, str, str]) -> Row:
    price, included, overage = terms
    return {
        "id": identifier("plan", code),
        "code": code,
        "name": code.replace("-", " ").title(),
        "price": Decimal(price),
        "currency": CURRENCY,
        "billing_interval": "month",
        "included_cpu_seconds": Decimal(included),
        "overage_price_per_cpu_second": Decimal(overage),
        "is_active": not code.startswith("gitlab"),  # a family that is no longer sold
        "created_at": local(2025, 6, 1),
        "updated_at": local(2025, 6, 1),
    }
