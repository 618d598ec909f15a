"""The month's figures. One currency at a time: amounts of two currencies have no sum."""

from __future__ import annotations

from dashboards.queries.common import IN_MONTH

_OF_MONTH = f"""
    from {{marts}}.fct_reconciliation as r
    inner join {{marts}}.dim_services as s on r.service = s.service
    left join {{marts}}.dim_customers as c
        on r.service = c.service and r.external_customer_id = c.external_customer_id
    where {IN_MONTH}
        and r.currency = %(currency)s
        and (%(service)s::text is null or r.service = %(service)s)
"""
_SUMS = """
    count(*) as rows,
    count(*) filter (where r.status = 'match') as matching,
    count(*) filter (where r.status = 'explained') as explained,
    count(*) filter (where r.status not in ('match', 'explained')) as open_rows,
    coalesce(sum(r.expected_amount), 0) as expected_amount,
    coalesce(sum(r.actual_amount), 0) as actual_amount,
    coalesce(sum(r.billed_amount), 0) as billed_amount,
    coalesce(sum(r.delta_amount), 0) as delta_amount,
    coalesce(sum(r.unexplained_amount), 0) as unexplained_amount
"""
KPIS = f"select {_SUMS} {_OF_MONTH}"
STAKE = """
    select
        coalesce(sum(leakage_amount), 0) as leakage_amount,
        coalesce(sum(overbilling_amount), 0) as overbilling_amount,
        coalesce(sum(waiting_amount), 0) as waiting_amount
    from {marts}.rpt_money_at_stake
    where period_month = %(month)s and currency = %(currency)s
        and (%(service)s::text is null or service = %(service)s)
"""
CAUSES = """
    select
        cause, currency, sum(subscription_count)::int as subscription_count,
        sum(delta_amount) as delta_amount,
        sum(leakage_amount) as leakage_amount,
        sum(overbilling_amount) as overbilling_amount,
        sum(waiting_amount) as waiting_amount
    from {marts}.rpt_money_at_stake
    where period_month = %(month)s and currency = %(currency)s
        and (%(service)s::text is null or service = %(service)s)
    group by cause, currency
    order by abs(sum(delta_amount)) desc, cause
"""
ONE_OFFS = """
    select count(*) as rows, coalesce(sum(o.amount), 0) as amount
    from {marts}.fct_one_off_invoices as o
    inner join {marts}.dim_services as s on o.service = s.service
    where date_trunc('month', coalesce(o.period_start, o.issued_at) at time zone s.timezone)
        = %(month)s::timestamp
        and o.currency = %(currency)s
        and (%(service)s::text is null or o.service = %(service)s)
"""
# The newest twelve months: periods of one service share their starts, so few instants are cast.
TREND = """
    select
        date_trunc('month', r.period_start at time zone s.timezone)::date as period_month,
        %(currency)s::text as currency,
        sum(r.expected_amount) as expected_amount,
        sum(r.actual_amount) as actual_amount,
        sum(r.billed_amount) as billed_amount,
        sum(r.delta_amount) as delta_amount,
        sum(r.rows)::int as rows,
        sum(r.matching)::int as matching
    from (
        select
            service, period_start,
            coalesce(sum(expected_amount), 0) as expected_amount,
            coalesce(sum(actual_amount), 0) as actual_amount,
            coalesce(sum(billed_amount), 0) as billed_amount,
            coalesce(sum(delta_amount), 0) as delta_amount,
            count(*) as rows,
            count(*) filter (where status = 'match') as matching
        from {marts}.fct_reconciliation
        where currency = %(currency)s and (%(service)s::text is null or service = %(service)s)
        group by service, period_start
    ) as r
    inner join {marts}.dim_services as s on r.service = s.service
    group by period_month
    order by period_month desc
    limit 12
"""
DIMENSIONS = {
    "service": "r.service",
    "plan": "r.plan_code",
    "province": "coalesce(c.partner_province, c.province)",
}


def by_dimension(dimension: str) -> str:
    """The month's sums by service, plan or province."""
    column = DIMENSIONS[dimension]
    return f"""
        select coalesce({column}, 'unknown') as {dimension}, %(currency)s::text as currency, {_SUMS}
        {_OF_MONTH}
        group by 1
        order by sum(r.expected_amount) desc nulls last, 1
    """


BY_CURRENCY = f"""
    select r.currency, {_SUMS}
    from {{marts}}.fct_reconciliation as r
    inner join {{marts}}.dim_services as s on r.service = s.service
    where {IN_MONTH}
        and (%(service)s::text is null or r.service = %(service)s)
    group by r.currency
    order by count(*) desc, r.currency
"""
