"""Every object of `ops` against every role, by statement: docs/rights.md says the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.errors import InsufficientPrivilege
from publishing_world import World

from publishers import roles

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"
# The service is the login of loaders, dbt and publisher.
USERS = ("fusion_billing", "finance_approver", "finance_reader", "finance_auditor")
OBJECTS = """
select relname, relkind in ('r', 'p'), (
    select array_agg(attname::text order by attnum) from pg_attribute
    where attrelid = pg_class.oid and attnum > 0 and not attisdropped and attidentity = ''
        and attgenerated = ''
)
from pg_class
where relnamespace = 'ops'::regnamespace and relkind in ('r', 'p', 'v')
order by relname
"""


def _may(conn: psycopg2.extensions.connection, statement: sql.Composable) -> bool:
    """Whether the server lets it begin: what it says of the values is no matter of rights."""
    try:
        with conn.cursor() as cursor:
            cursor.execute(statement)
    except InsufficientPrivilege as error:
        return "permission denied" not in str(error)
    except psycopg2.Error:
        return True
    finally:
        conn.rollback()
    return True


def _rights(
    conn: psycopg2.extensions.connection, name: str, columns: list[str], *, is_table: bool
) -> str:
    table = sql.Identifier("ops", name)
    said = "read" if _may(conn, sql.SQL("select from {} limit 0").format(table)) else ""
    if not is_table:
        return said
    change = sql.SQL("update {} set {} = null where false")
    add = sql.SQL("insert into {} ({}) values (null)")
    for verb, statement in (("add", add), ("change", change)):
        parts = [column for column in columns if _may(conn, _on(statement, table, column))]
        if parts:
            said += f", {verb}" + ("" if parts == columns else f" {len(parts)} of {len(columns)}")
    for verb, text in (("delete", "delete from {} where false"), ("empty", "truncate {}")):
        said += f", {verb}" if _may(conn, sql.SQL(text).format(table)) else ""
    return said.removeprefix(", ")


def _on(statement: sql.SQL, table: sql.Identifier, column: str) -> sql.Composable:
    return statement.format(table, sql.Identifier(column))


def test_the_page_of_rights_is_what_the_server_lets_each_role_do(warehouse_world: World) -> None:
    with warehouse_world.warehouse() as conn:
        roles.grant(conn)
    objects = warehouse_world.query(OBJECTS)
    rows = {name: [""] * len(USERS) for name, _is_table, _columns in objects}
    for position, user in enumerate(USERS):
        dsn = warehouse_world.settings.warehouse_dsn.replace("//fusion_billing@", f"//{user}@")
        with closing(psycopg2.connect(dsn)) as conn:
            for name, is_table, columns in objects:
                rows[name][position] = _rights(conn, name, columns, is_table=is_table)
    table = "\n".join(f"| `{name}` | {' | '.join(rights)} |" for name, rights in rows.items())
    assert table in PAGE.read_text(), f"docs/rights.md should say:\n{table}"
