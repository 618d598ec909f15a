"""What several pages ask: which months, services and currencies there are, how fresh it all is."""

from __future__ import annotations

# The period's bounds on every service's clock, so that a month is found by comparison.
IN_MONTH = """
    r.period_start >= (%(month)s::timestamp at time zone s.timezone)
    and r.period_start < ((%(month)s::timestamp + interval '1 month') at time zone s.timezone)
"""
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
FRESHNESS = """
    select max(finished_at) as loaded_at
    from ops.load_runs
    where status = 'succeeded' and not is_dry_run
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
