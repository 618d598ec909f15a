"""What several pages ask: which months, services and currencies there are, how fresh it all is."""

from __future__ import annotations

# A service period belongs to a month by its start on the service's own clock.
RECONCILED = """
    select
        r.*,
        date_trunc('month', r.period_start at time zone s.timezone)::date as period_month,
        coalesce(c.partner_province, c.province) as province
    from {marts}.fct_reconciliation as r
    inner join {marts}.dim_services as s on r.service = s.service
    left join {marts}.dim_customers as c
        on r.service = c.service and r.external_customer_id = c.external_customer_id
"""
# The period's bounds on every service's clock, so that a month is found by comparison.
IN_MONTH = """
    r.period_start >= (%(month)s::timestamp at time zone s.timezone)
    and r.period_start < ((%(month)s::timestamp + interval '1 month') at time zone s.timezone)
"""
MONTHS = """
    select distinct
        date_trunc('month', r.period_start at time zone s.timezone)::date as period_month
    from (select distinct service, period_start from {marts}.fct_reconciliation) as r
    inner join {marts}.dim_services as s on r.service = s.service
    order by period_month desc
"""
CURRENCIES = """
    select currency, count(*) as rows
    from {marts}.fct_reconciliation
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
