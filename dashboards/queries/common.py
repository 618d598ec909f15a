"""What several pages ask: which months, services and currencies there are, how fresh it all is."""

from __future__ import annotations

MONTHS = """
    select distinct period_month
    from {marts}.rpt_reconciliation_by_month
    order by period_month desc
"""
CURRENCIES = """
    select currency, sum(period_count)::int as rows
    from {marts}.rpt_reconciliation_by_month
    where currency is not null
    group by currency
    order by rows desc, currency
"""
SERVICES = "select service from {marts}.dim_services order by service"
# When everything was loaded, and from which instant the last whole build looks: the figures' own.
FRESHNESS = """
    select
        (select max(finished_at) from ops.load_runs
            where status = 'succeeded' and not is_dry_run) as loaded_at,
        built.as_of, built.finished_at as built_at
    from (select 1) as one
    left join (
        select as_of, finished_at from ops.builds
        where status = 'passed' and is_whole and schema_prefix = ''
        order by build_id desc
        limit 1
    ) as built on true
"""
# Another one where something was decided, claimed, released or loaded since.
STAMP = """
    select concat_ws(
        ' ',
        (select max(approval_id) from ops.line_approvals),
        (select max(gate_id) from ops.cutover_gates),
        (select max(acknowledgement_id) from ops.exception_acknowledgements),
        (select count(*) from ops.approval_policies),
        (select max(load_run_id) from ops.load_runs),
        (select count(*) || ' ' || count(released_at) from ops.publications)
    ) as stamp
"""
ROUNDING = """
    select company_name, tax_rounding_method
    from {marts}.dim_companies
    where company_id = %(company_id)s
"""


def page(query: str) -> str:
    """One page of a long answer, each row with the number of all (`total_rows`): asked once."""
    return f"""
        select *, count(*) over ()::int as total_rows
        from ({query}) as everything
        limit %(size)s offset %(offset)s
    """
