"""The roles of the warehouse: who owns `ops`, who writes to it, who reads and decides in the pages.

In: a session of the warehouse's owner, or of whoever may act for the owner of `ops`. Out: grants.
`fusion_billing_ops_owner` owns the decisions and the ledger and cannot log in; loaders, dbt and the
publisher are members of `fusion_billing_service`; the pages of `finance_reader` and
`finance_approver`, of an auditor `finance_auditor`. Where nobody made the first two, `ops` is its
migrator's.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from connections.builds import serving_of
from publishers.privileges import APPROVER_INSERTS, SHOWN, ops_statements

OWNER, SERVICE = "fusion_billing_ops_owner", "fusion_billing_service"
READER, APPROVER = "finance_reader", "finance_approver"
ROLES = (READER, APPROVER)
# Reads everything in `ops` and the marts and writes nothing; a server may do without.
AUDITOR = "finance_auditor"
# Two grants of the same thing at once fail in PostgreSQL: one after the other.
GRANT_LOCK = 0x66_62_67_72_61_6E_74


class RoleError(RuntimeError):
    """A role that is not there, with the statement for whoever may create it."""


class MigrationError(RuntimeError):
    """A schema `ops` that this code, or this login, cannot bring to its version."""


def known_roles(cursor: Any, names: Sequence[str]) -> set[str]:
    """Those of `names` that this server has."""
    cursor.execute("select rolname::text from pg_roles where rolname = any(%s)", (list(names),))
    return {name for (name,) in cursor.fetchall()}


def missing_roles(conn: Connection) -> list[str]:
    """Which of the pages' two roles this server does not have."""
    with conn.cursor() as cursor:
        known = known_roles(cursor, ROLES)
    return [role for role in ROLES if role not in known]


def grant(conn: Connection, marts: str = "marts") -> None:
    """Give the pages' roles what they need, on what is there and on what dbt will build.

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
        for statement in _marts_statements(marts, (*ROLES, *known_roles(cursor, (AUDITOR,)))):
            cursor.execute(statement)
        if _owns_ops(cursor):
            grant_ops(cursor)


def grant_if_present(conn: Connection, marts: str = "marts") -> None:
    """Keep the grants up to date where the roles exist; quick where nothing is missing."""
    if not missing_roles(conn) and not _is_granted(conn, marts):
        grant(conn, marts)


def grant_ops(cursor: Any) -> None:
    """Give every role that is there what it needs in `ops`, and nothing more; as ops' owner."""
    roles = (SERVICE, READER, APPROVER, AUDITOR)
    known = known_roles(cursor, roles)
    for statement in ops_statements(cursor, *roles):
        if statement.role in known:
            cursor.execute(statement.text)


def ops_owner(cursor: Any) -> str | None:
    """Who owns schema `ops`; None where there is none yet."""
    cursor.execute("select nspowner::regrole::text from pg_namespace where nspname = 'ops'")
    found = cursor.fetchone()
    return str(found[0]) if found else None


def act_as_owner(cursor: Any) -> None:
    """For the rest of this transaction, be the owner of `ops`.

    Raises RoleError where this login may not: that is whom the separation is meant for.
    """
    owner = ops_owner(cursor)
    cursor.execute("select pg_has_role(%s, 'member'), current_user", (owner,))
    may, user = cursor.fetchone()
    if not may:
        raise RoleError(
            f"{user} may not act for {owner}, who owns schema ops: set WAREHOUSE_MIGRATE_DSN to a"
            f" login that may (`grant {owner} to LOGIN`)"
        )
    cursor.execute(sql.SQL("set local role {}").format(sql.Identifier(str(owner))))


def separate(conn: Connection, login: str) -> None:
    """Hand `ops` over to a role that nobody logs in as; `login` loads, builds and publishes.

    Needs an administrator. Harmless to repeat.
    """
    with conn, conn.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (GRANT_LOCK,))
        cursor.execute(separation(login))
        grant_ops(cursor)


def separation(login: str) -> str:
    """The statements that `separate` runs, for an administrator who wants to read them first."""
    return _SEPARATION.replace("{login}", login.replace('"', '""'))


_SEPARATION = """\
do $$
declare
    needed text;
    relation record;
begin
    foreach needed in array array['fusion_billing_ops_owner', 'fusion_billing_service',
        'finance_reader', 'finance_approver', 'finance_auditor'] loop
        if not exists (select from pg_roles where rolname = needed) then
            execute format('create role %I nologin', needed);
        end if;
    end loop;
    create schema if not exists ops;
    alter schema ops owner to fusion_billing_ops_owner;
    for relation in
        select format('alter %s ops.%I owner to fusion_billing_ops_owner', case relkind
            when 'v' then 'view' when 'S' then 'sequence' else 'table' end, relname) as statement
        from pg_class
        where relnamespace = 'ops'::regnamespace and relkind in ('r', 'p', 'v', 'S')
            and not exists (select from pg_depend where objid = pg_class.oid
                and relkind = 'S' and deptype in ('a', 'i'))
        union all
        select format('alter function %s owner to fusion_billing_ops_owner', oid::regprocedure)
        from pg_proc where pronamespace = 'ops'::regnamespace
    loop
        execute relation.statement;
    end loop;
end $$;
grant fusion_billing_service to "{login}";
"""


def _owns_ops(cursor: Any) -> bool:
    cursor.execute("select pg_has_role(%s, 'usage')", (ops_owner(cursor),))
    return bool(cursor.fetchone()[0])


def _marts_statements(marts: str, readers: Sequence[str]) -> Iterator[sql.Composable]:
    whom = sql.SQL(", ").join(map(sql.Identifier, readers))
    for schema in map(sql.Identifier, (marts, serving_of(marts))):
        yield sql.SQL("create schema if not exists {}").format(schema)
        yield sql.SQL("grant usage on schema {} to {}").format(schema, whom)
        yield sql.SQL("grant select on all tables in schema {} to {}").format(schema, whom)
        yield sql.SQL("alter default privileges in schema {} grant select on tables to {}").format(
            schema, whom
        )


# Granting writes to the catalogue, where it would meet a build that is under way: look first.
_LACKING = """
select exists (
    select from unnest(%(roles)s) as role (name)
    cross join unnest(%(schemas)s) as schema (name)
    where not exists (
        select from pg_default_acl
        inner join pg_namespace on pg_namespace.oid = defaclnamespace
        cross join lateral aclexplode(defaclacl) as given
        where nspname = schema.name and defaclrole = current_user::regrole
            and given.grantee = role.name::regrole and given.privilege_type = 'SELECT'
    )
    union all
    select from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    cross join unnest(%(roles)s) as role (name)
    where relkind in ('r', 'v', 'm', 'p')
        and (nspname = any(%(schemas)s)
            or %(owns_ops)s and nspname = 'ops' and relname = any(%(shown)s))
        and not has_table_privilege(role.name, pg_class.oid, 'select')
    union all
    select from unnest(%(decided)s) as decided (name)
    where %(owns_ops)s and (
        has_table_privilege(%(approver)s, 'ops.' || decided.name, 'insert')
        or not has_any_column_privilege(%(approver)s, 'ops.' || decided.name, 'insert')
    )
)
"""


def _is_granted(conn: Connection, marts: str) -> bool:
    with conn, conn.cursor() as cursor:
        values = {
            "roles": list(ROLES),
            "approver": APPROVER,
            "schemas": [marts, serving_of(marts)],
            "shown": list(SHOWN),
            "decided": list(APPROVER_INSERTS),
            "owns_ops": _owns_ops(cursor),
        }
        cursor.execute(_LACKING, values)
        return not cursor.fetchall()[0][0]
