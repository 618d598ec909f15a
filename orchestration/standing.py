"""How the deployment stands: what alerts tell and metrics count.

Flows in: schema ops and the marts in use. Flows out: rows; none where nothing is
built or loaded yet.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg2.extensions import connection

from connections.settings import Settings
from orchestration.command_error import CommandError
from orchestration.queries import Row, select

LOADS = """
    select distinct on (source, table_name)
        source, table_name, extract(epoch from now() - finished_at) as age_seconds,
        coalesce(read_count, 0) as read_count, coalesce(rejected_count, 0) as rejected_count
    from ops.load_runs
    where status = 'succeeded' and not is_dry_run
    order by source, table_name, load_run_id desc
"""
BUILDS = """
    select
        extract(epoch from now() - max(finished_at) filter (where status = 'passed'))
            as age_seconds,
        (array_agg(status order by build_id desc) filter (where status <> 'running'))[1]
            = 'passed' as is_last_passed
    from ops.builds
    where is_whole
"""
UNEXPLAINED = """
    select service, currency, sum(abs(unexplained_amount)) as amount
    from {marts}.fct_reconciliation
    where status not in ('match', 'explained', 'missing_actual')
    group by service, currency
"""
EXCEPTIONS = """
    select kind, count(*) as number
    from {serving}.fct_billing_exceptions
    where is_open
    group by kind
"""
UNPUBLISHED = """
    select service, currency, sum(amount) as amount
    from {serving}.fct_invoice_line_status
    where approval_state = 'approved' and not is_published
    group by service, currency
"""
DEAD_LETTERS = """
    select service, count(*) as number
    from ops.webhook_deliveries
    where state in ('dead', 'disabled')
    group by service
"""
FINDINGS = """
    select document_key, coalesce(finding, state) as finding, odoo_id
    from ops.publication_findings
    where is_alarm
    order by document_key
"""
QUERIES: Mapping[str, str] = {
    "loads": LOADS,
    "builds": BUILDS,
    "unexplained": UNEXPLAINED,
    "exceptions": EXCEPTIONS,
    "unpublished": UNPUBLISHED,
    "dead_letters": DEAD_LETTERS,
    "findings": FINDINGS,
}


def standing(conn: connection, settings: Settings, *names: str) -> dict[str, list[Row]]:
    """The rows of each query; a part that is not built yet is empty and the others are told."""
    found: dict[str, list[Row]] = {}
    for name in names or QUERIES:
        try:
            found[name] = select(conn, settings, QUERIES[name])
        except CommandError:  # the warehouse is not built
            conn.rollback()
            found[name] = []
    return found
