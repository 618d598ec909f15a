"""What was billed, against who approved it, what the marts say of it and what Odoo holds.

In: a session that reads `ops` and the marts, and a port to Odoo where it is asked, too. Out: what
does not agree. Approvals are judged as of the moment of the claim, from decisions and policies
alone: what was revoked or lifted afterwards changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from uuid import uuid4

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from connections.odoo import OdooPort
from publishers import control, restore
from publishers.evidence import Discrepancy
from publishers.ledger import Run

# Claims and decisions take turns at one lock, so that their times say which came first. What was
# adopted from Odoo was claimed by a ledger that is lost, and its approvals may be lost with it.
_APPROVED = """
with claims as (
    select document_key, min(at) as claimed_at, bool_or(event = 'adopted') as is_adopted
    from ops.publication_events
    where event in ('claimed', 'adopted')
    group by document_key
),

decisions as (
    select
        lines.document_key, lines.line_key, approvals.approval_id, approvals.decision,
        approvals.content_hash = lines.content_hash as is_of_this_hash,
        approvals.policy_version, approvals.amount, approvals.currency,
        coalesce(people.name, ops.plain_name(approvals.decided_by)) as person,
        max(approvals.approval_id) filter (
            where approvals.decision = 'reject'
                or (approvals.decision = 'revoke'
                    and approvals.content_hash = lines.content_hash)
        ) over (partition by lines.document_key, lines.line_key) as stopped_id
    from ops.publication_lines as lines
    inner join claims using (document_key)
    inner join ops.line_approvals as approvals
        on approvals.line_key = lines.line_key and approvals.decided_at <= claims.claimed_at
    left join lateral (
        select identities.name from ops.identities
        where approvals.policy_version is null
            and ops.plain_name(approvals.decided_by)
                in (identities.plain_name, identities.plain_email)
        order by identities.name = approvals.decided_by desc
        limit 1
    ) as people on true
),

standing as (
    select
        document_key, line_key,
        count(distinct person) as approver_count,
        count(distinct person) filter (where policy_version is null) as person_count,
        max(abs(amount)) as absolute_amount
    from decisions
    where decision = 'approve' and is_of_this_hash and approval_id > coalesce(stopped_id, 0)
    group by document_key, line_key
)

select
    lines.document_key, lines.line_key, coalesce(approver_count, 0), coalesce(person_count, 0),
    required, coalesce(claims.is_adopted, false), claims.claimed_at is null
from ops.publication_lines as lines
left join claims using (document_key)
left join standing using (document_key, line_key)
cross join lateral (
    select min(policies.four_eyes_amount) as four_eyes_amount
    from ops.approval_policies as policies
    where policies.currency = lines.currency and policies.decided_at <= claims.claimed_at
        and (policies.service = lines.service or policies.service is null)
        and not exists (
            select from ops.approval_policies as newer
            where policies.policy_version = any (newer.replaces)
                and newer.decided_at <= claims.claimed_at
        )
) as policy
cross join lateral (
    select case when coalesce(absolute_amount, abs(lines.amount)) >= policy.four_eyes_amount
        then 2 else 1 end
) as requirement (required)
where (required = 1 and coalesce(approver_count, 0) < 1)
    or (required = 2 and coalesce(person_count, 0) < 2)
order by lines.document_key, lines.line_number
"""
# What was confirmed before the build began is in its marts, line by line, to the cent.
_MARTS = """
select
    coalesce(ledger.line_key, shown.line_key), ledger.document_key, ledger.amount, shown.amount
from (
    select lines.line_key, lines.document_key, lines.amount
    from ops.publication_lines as lines
    inner join ops.publications using (document_key)
    cross join {marts}.dim_build as build
    where lines.released_at is null and lines.kind <> 'credit'
        and publications.state = 'confirmed' and publications.confirmed_at < build.started_at
) as ledger
left join {marts}.fct_invoice_lines as shown using (line_key)
where shown.line_key is null or shown.amount <> ledger.amount
order by 1
"""
# A document's frozen lines are its total; what Odoo showed last is what was expected of it.
_TOTALS = """
select
    publications.document_key, expected_untaxed_amount, line_sum, odoo_total_amount,
    expected_total_amount
from ops.publications
cross join lateral (
    select sum(amount) as line_sum from ops.publication_lines as lines
    where lines.document_key = publications.document_key
) as sums
where abs(coalesce(line_sum, 0)) <> abs(expected_untaxed_amount)
    or (state = 'confirmed' and finding is null and odoo_total_amount <> expected_total_amount)
order by 1
"""


def approvals(conn: Connection) -> Iterator[Discrepancy]:
    """Published lines that not enough people approved at their hash when they were claimed."""
    with conn, conn.cursor() as cursor:
        cursor.execute(_APPROVED)
        found = cursor.fetchall()
    for document, key, approvers, people, required, is_adopted, has_no_claim in found:
        who = f"{people} of {required} people" if required > 1 else f"{approvers} of 1"
        if has_no_claim:
            says, kind = "has no claim on record", "never_claimed"
        elif is_adopted:
            says, kind = f"was adopted from Odoo: {who} on record approved it", "adopted"
        else:
            says, kind = f"had the approval of {who} when it was claimed", "not_approved"
        yield Discrepancy(
            kind, "publication_lines", key, f"line {key} of document {document} {says}"
        )


def totals(conn: Connection) -> Iterator[Discrepancy]:
    """Documents whose lines are not their total, or whose total in Odoo was another one."""
    with conn, conn.cursor() as cursor:
        cursor.execute(_TOTALS)
        found = cursor.fetchall()
    for document, untaxed, lines, seen, expected in found:
        says = f"document {document}: lines of {lines}, net {untaxed}; in Odoo {seen} of {expected}"
        yield Discrepancy("other_total", "publications", document, says)


def marts(conn: Connection, schema: str) -> Iterator[Discrepancy]:
    """Published lines that the marts of the build in use do not show, or show otherwise."""
    with conn, conn.cursor() as cursor:
        cursor.execute(sql.SQL(_MARTS).format(marts=sql.Identifier(schema)))
        found = cursor.fetchall()
    for key, document, billed, shown in found:
        where = "is not in the marts" if shown is None else f"is {shown} in the marts"
        says = f"line {key} of document {document}, billed {billed}, {where}"
        yield Discrepancy("other_in_marts", "publication_lines", key, says)


def odoo(conn: Connection, port: OdooPort) -> Iterator[Discrepancy]:
    """Documents that only one of Odoo and the ledger knows, or that differ; `port` reads all."""
    for each in restore.unknown(conn, port):
        says = f"Odoo holds {each.document_key} (id {each.odoo_id}), the ledger does not"
        yield Discrepancy("unknown_to_ledger", "publications", each.document_key, says)
    run = Run(by="billing audit", run_id=uuid4().hex, at=lambda _point: None)
    for alarm in control.control(conn, port, run, is_dry=True).alarms:
        says = f"document {alarm['key']}: {alarm['says']}"
        yield Discrepancy(alarm["finding"], "publications", alarm["key"], says)


def rated_again(conn: Connection, schema: str, again: str) -> Iterator[Discrepancy]:
    """Lines that a build from raw to the cent makes otherwise; `again` is its schema of marts."""
    statement = sql.SQL(_AGAIN).format(
        now=sql.Identifier(schema, "fct_invoice_lines"),
        again=sql.Identifier(again, "fct_invoice_lines"),
    )
    with conn, conn.cursor() as cursor:
        cursor.execute(statement)
        found = cursor.fetchall()
    for key, now, then in found:
        says = f"line {key} is {now} and {then} when it is rated again from the raw records"
        yield Discrepancy("rated_otherwise", "fct_invoice_lines", key, says)


_AGAIN = """
select coalesce(now.line_key, again.line_key), now.amount, again.amount
from {now} as now
full join {again} as again using (line_key)
where now.line_key is null or again.line_key is null or now.amount <> again.amount
order by 1
"""


def summary(found: Iterable[Discrepancy]) -> dict[str, int]:
    """How many of each kind."""
    return dict(Counter(each.kind for each in found))
