"""The people who decide in the tests, and the database users that speak for them."""

from __future__ import annotations

from contextlib import closing

import psycopg2

NAMES = (
    *("fay", "rex", "dan", "dana", "eli", "cfo", "opal", "Ann"),
    *("Dana Roy", "Alex Kim", "Demo Operator"),
)
USERS = ("fusion_billing", "finance_approver")


def add(dsn: str) -> None:
    """Put them on the list of a migrated warehouse; `dsn` is its ops' owner's or a superuser's."""
    from publishers import identities

    with closing(psycopg2.connect(dsn)) as connection:
        for name in NAMES:
            email = f"{name.lower().replace(' ', '.')}@example.com"
            person = identities.Identity(name, email, identities.ROLES, USERS)
            identities.add(connection, person)
