"""What each role may do in schema `ops`, statement by statement.

In: the tables that are there and their guards. Out: GRANT and REVOKE statements. An INSERT is
granted on named columns where a person decides: who, when, which and how much are the server's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

# What the pages show of the decisions, and what the functions that write them read.
SHOWN = (
    "approval_policies",
    "builds",
    "cause_acceptances",
    "credit_lines",
    "credit_requests",
    "cutover_gates",
    "exception_acknowledgements",
    "identities",
    "import_events",
    "import_rows",
    "line_approval_status",
    "line_approvals",
    "load_runs",
    "month_closings",
    "policies_in_force",
    "publication_lines",
    "publications",
)
Columns = Mapping[str, tuple[str, ...]]
APPROVER_INSERTS: Columns = {
    "cause_acceptances": (
        *("service", "external_subscription_id", "period_start", "cause", "amount", "currency"),
        "note",
    ),
    "cutover_gates": (
        *("service", "external_subscription_id", "decision", "from_period_start", "note"),
    ),
    "exception_acknowledgements": ("exception_key", "facts_hash", "until", "note"),
    "line_approvals": ("line_key", "content_hash", "decision", "note"),
}
SERVICE_INSERTS: Columns = {
    **APPROVER_INSERTS,
    "line_approvals": (*APPROVER_INSERTS["line_approvals"], "policy_version"),
    "approval_policies": (
        *("policy_version", "service", "currency", "is_automatic", "within_percent"),
        *("four_eyes_amount", "replaces", "note"),
    ),
    "credit_requests": ("line_key", "amount", "note"),
    "month_closings": ("month", "sheet", "waited", "despite", "note"),
    "termination_releases": ("service", "external_subscription_id", "ended_at", "note"),
}
# Only the owner of ops says who decides, and which version ops is at; only its triggers link.
OWNERS_ONLY = (
    "evidence",
    "evidence_pending",
    "identities",
    "identity_changes",
    "schema_version",
)


@dataclass(frozen=True)
class Statement:
    """A statement and the role that it is about."""

    role: str
    text: sql.Composable


# A table's guards say what it keeps: rows that are never changed, or columns frozen at claim.
_TABLES = """
select
    relname, relkind in ('r', 'p') as is_table,
    coalesce(bool_or(tgname = 'append_only' and tgtype & 16 > 0), false) as is_append_only,
    coalesce(bool_or(tgname = 'append_only'), false) as is_kept,
    (
        select array_agg(attname::text order by attnum) from pg_attribute
        where attrelid = pg_class.oid and attnum > 0 and not attisdropped
            and not exists (
                select from pg_trigger as frozen
                where frozen.tgrelid = pg_class.oid and frozen.tgname = 'keep_frozen'
                    and attnum = any (frozen.tgattr::int2[])
            )
    ) as changeable
from pg_class
left join pg_trigger on tgrelid = pg_class.oid and not tgisinternal
where relnamespace = 'ops'::regnamespace and relkind in ('r', 'p', 'v')
group by pg_class.oid, relname, relkind
order by relname
"""


def ops_statements(
    cursor: Any, service: str, reader: str, approver: str, auditor: str
) -> Iterator[Statement]:
    """Everything that the four roles get in `ops`; what they had before is taken away first.

    Nothing in a schema that is not migrated yet: its columns are not those of these lists.
    """
    cursor.execute("select to_regclass('ops.policies_in_force') is not null")
    if not cursor.fetchone()[0]:
        return
    cursor.execute(_TABLES)
    tables = cursor.fetchall()
    for role in (service, reader, approver, auditor):
        for text in (
            "revoke all on all tables in schema ops from {}",
            "grant usage on schema ops to {}",
        ):
            yield Statement(role, sql.SQL(text).format(sql.Identifier(role)))
    # A schema of an older version lacks some of them: migrating it grants again.
    shown = [table for table in SHOWN if table in {name for name, *_ in tables}]
    yield from (_on(role, "select", table) for role in (reader, approver) for table in shown)
    yield from (_on(auditor, "select", table) for table, *_ in tables)
    yield from (_on(approver, "insert", *granted) for granted in APPROVER_INSERTS.items())
    yield from _of_service(tables, service)


def _of_service(tables: Sequence[tuple[Any, ...]], service: str) -> Iterator[Statement]:
    yield Statement(
        service,
        sql.SQL("grant usage on all sequences in schema ops to {}").format(sql.Identifier(service)),
    )
    for table, is_table, is_append_only, is_kept, changeable in tables:
        yield _on(service, "select", table)
        if not is_table or table in OWNERS_ONLY:
            continue
        yield _on(service, "insert", table, SERVICE_INSERTS.get(table, ()))
        if is_kept and not is_append_only:
            yield _on(service, "update", table, changeable)
        elif not is_kept:
            yield _on(service, "update, delete", table)


def _on(role: str, verb: str, table: str, columns: Sequence[str] = ()) -> Statement:
    named = sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    return Statement(
        role,
        sql.SQL("grant {} on {} to {}").format(
            sql.SQL(verb) + (named if columns else sql.SQL("")),
            sql.Identifier("ops", table),
            sql.Identifier(role),
        ),
    )
