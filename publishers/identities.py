"""Who may decide: people by name and e-mail, and the database users that speak for them.

In: a name or an e-mail, however it is spelled. Out: the one name that is kept, said to the server
for this transaction; it proves it again at every row. The list itself is the owner's of `ops`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection

from publishers.roles import act_as_owner

ROLES = ("approver", "policy_owner")


class IdentityError(ValueError):
    """A name that is nobody's, or that may not decide here; with the known names."""


@dataclass(frozen=True)
class Identity:
    """A person. `database_users` may write this person's decisions; the server compares."""

    name: str
    email: str
    roles: tuple[str, ...] = ("approver",)
    database_users: tuple[str, ...] = ()
    is_active: bool = True


_COLUMNS = "name, email, roles, database_users, is_active"


def listed(conn: Connection) -> list[Identity]:
    """Everybody, by name; who was disabled as well."""
    with conn.cursor() as cursor:
        cursor.execute(f"select {_COLUMNS} from ops.identities order by name")
        return [_identity(row) for row in cursor.fetchall()]


def resolve(cursor: Any, by: str, role: str = "approver") -> str:
    """The name of the one person that `by` means, and for whom this database user may speak.

    Raises IdentityError, with the known names and how to add one.
    """
    cursor.execute(
        f"select {_COLUMNS}, session_user = any (database_users), session_user from ops.identities"
        " where ops.plain_name(%s) in (plain_name, plain_email)",
        (by,),
    )
    found = cursor.fetchall()
    if len(found) != 1:
        raise IdentityError(_unknown(cursor, by, len(found)))
    person = _identity(found[0][:5])
    may_speak, user = found[0][5:]
    if not person.is_active:
        raise IdentityError(f"{person.name} was disabled: see `billing identities`")
    again = f'`billing identities add "{person.name}" --email {person.email}'
    if not may_speak:
        raise IdentityError(
            f"{person.name} may not decide as database user {user}: let the owner of ops say"
            f" {again} --user {user}`"
        )
    if role not in person.roles:
        raise IdentityError(f"{person.name} is no {role}: let the owner say {again} --role {role}`")
    return person.name


def speak_for(cursor: Any, by: str, role: str = "approver") -> str:
    """Tell the server who decides in this transaction; the person's name."""
    name = resolve(cursor, by, role)
    cursor.execute("select set_config('billing.identity', %s, true)", (name,))
    return name


def look_from(cursor: Any, marts: str) -> None:
    """Tell the server which marts the decisions of this transaction were made from."""
    cursor.execute("select set_config('billing.marts', %s, true)", (marts,))


def _unknown(cursor: Any, by: str, count: int) -> str:
    if count > 1:
        return f"{by} means {count} people: give the e-mail"
    cursor.execute("select name from ops.identities where is_active order by name limit 20")
    names = ", ".join(name for (name,) in cursor.fetchall()) or "nobody yet"
    return (
        f"{by} is not in the list of people who decide ({names}): add them with"
        f' `billing identities add "{by}" --email ADDRESS`'
    )


def add(conn: Connection, person: Identity) -> None:
    """Put a person on the list, or give one who is there other roles or database users.

    Raises IdentityError where the name or the e-mail is another person's.
    """
    _check(person)
    name, email = " ".join(person.name.split()), person.email.strip()
    with conn, conn.cursor() as cursor:
        act_as_owner(cursor)
        cursor.execute(
            "select name, plain_email = ops.plain_name(%(email)s)"
            " and plain_name = ops.plain_name(%(name)s) from ops.identities"
            " where plain_email in (ops.plain_name(%(email)s), ops.plain_name(%(name)s))"
            " or plain_name in (ops.plain_name(%(email)s), ops.plain_name(%(name)s))",
            {"name": name, "email": email},
        )
        known = cursor.fetchall()
        if any(not is_same for _, is_same in known):
            raise IdentityError(f"{name} or {email} is known already as {known[0][0]}")
        values = (list(person.roles), list(person.database_users))
        if known:
            cursor.execute(
                "update ops.identities set roles = %s, database_users = %s, is_active = true"
                " where name = %s",
                (*values, known[0][0]),
            )
        else:
            cursor.execute(
                "insert into ops.identities (roles, database_users, name, email)"
                " values (%s, %s, %s, %s)",
                (*values, name, email),
            )


def disable(conn: Connection, by: str) -> str:
    """Take a person's right to decide away; what they decided stays. Their name."""
    with conn, conn.cursor() as cursor:
        act_as_owner(cursor)
        cursor.execute(
            "update ops.identities set is_active = false"
            " where ops.plain_name(%s) in (plain_name, plain_email) returning name",
            (by,),
        )
        found = cursor.fetchall()
        if not found:
            raise IdentityError(_unknown(cursor, by, 0))
        return str(found[0][0])


def _check(person: Identity) -> None:
    if not person.name.strip() or person.name.strip().lower().startswith("policy:"):
        raise IdentityError(f"'{person.name}' is no name of a person")
    if "@" not in person.email.strip(" @") or len(person.email.split()) != 1:
        raise IdentityError(f"'{person.email}' is no e-mail address")
    if unknown := sorted(set(person.roles) - set(ROLES)):
        raise IdentityError(f"{', '.join(unknown)} is no role: {', '.join(ROLES)}")
    if not person.roles or not person.database_users:
        raise IdentityError(f"{person.name} needs a role and a database user that speaks for them")


def _identity(row: Sequence[Any]) -> Identity:
    name, email, roles, users, is_active = row
    return Identity(name, email, tuple(roles), tuple(users), is_active)
