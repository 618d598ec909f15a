"""Two roles of the finance pages: who may read what, who may write decisions and nothing else.

In: a session of the warehouse's owner. Out: grants to `finance_reader` (SELECT on the marts and on
what was decided) and `finance_approver` (the same, and INSERT into the tables of decisions). dbt
replaces its tables at every build, so that the owner's default privileges carry the grant along.
"""

from collections.abc import Iterator, Sequence

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

READER, APPROVER = "finance_reader", "finance_approver"
ROLES = (READER, APPROVER)
# What the pages show of the decisions, and what the functions that write them read.
SHOWN = (
    "approval_policies",
    "builds",
    "cause_acceptances",
    "credit_requests",
    "cutover_gates",
    "exception_acknowledgements",
    "line_approval_status",
    "line_approvals",
    "load_runs",
    "publication_lines",
    "publications",
)
DECIDED = (
    "cause_acceptances",
    "cutover_gates",
    "exception_acknowledgements",
    "line_approvals",
)
# Two grants of the same thing at once fail in PostgreSQL: one after the other.
GRANT_LOCK = 0x66_62_67_72_61_6E_74


class RoleError(RuntimeError):
    """A role that is not there, with the statement for whoever may create it."""


def missing_roles(conn: Connection) -> list[str]:
    """Which of the two roles this server does not have."""
    with conn.cursor() as cursor:
        cursor.execute("select rolname::text from pg_roles where rolname = any(%s)", (list(ROLES),))
        known = {name for (name,) in cursor.fetchall()}
    return [role for role in ROLES if role not in known]


def grant(conn: Connection, marts: str = "marts") -> None:
    """Give both roles what they need, on what is there and on what dbt will build.

    Raises RoleError where a role is missing: creating one is the database administrator's business.
    """
    missing = missing_roles(conn)
    if missing:
        statements = " ".join(f"create role {role} nologin;" for role in missing)
        raise RoleError(
            f"the server has no role {' and '.join(missing)}: let its administrator run"
            f" `{statements}` and make the pages' users members of them"
        )
    with conn, conn.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (GRANT_LOCK,))
        for statement in _statements(marts):
            cursor.execute(statement)


def grant_if_present(conn: Connection, marts: str = "marts") -> None:
    """Keep the grants up to date where the roles exist; quick where nothing is missing."""
    if not missing_roles(conn) and not _is_granted(conn, marts):
        grant(conn, marts)


def _statements(marts: str) -> Iterator[sql.Composable]:
    schema, both = sql.Identifier(marts), sql.SQL(", ").join(map(sql.Identifier, ROLES))
    yield sql.SQL("create schema if not exists {}").format(schema)
    for each in (schema, sql.Identifier("ops")):
        yield sql.SQL("grant usage on schema {} to {}").format(each, both)
    yield sql.SQL("grant select on all tables in schema {} to {}").format(schema, both)
    yield sql.SQL("alter default privileges in schema {} grant select on tables to {}").format(
        schema, both
    )
    yield sql.SQL("grant select on {} to {}").format(_tables(SHOWN), both)
    yield sql.SQL("grant insert on {} to {}").format(_tables(DECIDED), sql.Identifier(APPROVER))


def _tables(names: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier("ops", name) for name in names)


# Granting writes to the catalogue, where it would meet a build that is under way: look first.
_LACKING = """
select exists (
    select from unnest(%(roles)s) as role (name)
    where not exists (
        select from pg_default_acl
        inner join pg_namespace on pg_namespace.oid = defaclnamespace
        cross join lateral aclexplode(defaclacl) as given
        where nspname = %(marts)s and defaclrole = current_user::regrole
            and given.grantee = role.name::regrole and given.privilege_type = 'SELECT'
    )
    union all
    select from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    cross join unnest(%(roles)s) as role (name)
    where relkind in ('r', 'v', 'm', 'p')
        and (nspname = %(marts)s or nspname = 'ops' and relname = any(%(shown)s))
        and not has_table_privilege(role.name, pg_class.oid, 'select')
    union all
    select from unnest(%(decided)s) as decided (name)
    where not has_table_privilege(%(approver)s, 'ops.' || decided.name, 'insert')
)
"""


def _is_granted(conn: Connection, marts: str) -> bool:
    values = {
        "roles": list(ROLES),
        "approver": APPROVER,
        "marts": marts,
        "shown": list(SHOWN),
        "decided": list(DECIDED),
    }
    with conn, conn.cursor() as cursor:
        cursor.execute(_LACKING, values)
        return not cursor.fetchall()[0][0]
