"""The month's figures. One currency at a time: amounts of two currencies have no sum."""

from __future__ import annotations

_OF_MONTH = """
    from {marts}.rpt_reconciliation_by_month
    where period_month = %(month)s
        and currency = %(currency)s
        and (%(service)s::text is null or service = %(service)s)
"""
_SUMS = """
    coalesce(sum(period_count), 0)::int as rows,
    coalesce(sum(period_count) filter (where status = 'match'), 0)::int as matching,
    coalesce(sum(period_count) filter (where status = 'explained'), 0)::int as explained,
    coalesce(sum(period_count) filter (where status not in ('match', 'explained')), 0)::int
        as open_rows,
    coalesce(sum(expected_amount), 0) as expected_amount,
    coalesce(sum(actual_amount), 0) as actual_amount,
    coalesce(sum(billed_amount), 0) as billed_amount,
    coalesce(sum(delta_amount), 0) as delta_amount,
    coalesce(sum(unexplained_amount), 0) as unexplained_amount
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
    where o.month_on = %(month)s
        and o.currency = %(currency)s
        and (%(service)s::text is null or o.service = %(service)s)
"""
# The newest twelve months.
TREND = f"""
    select period_month, %(currency)s::text as currency, {_SUMS}
    from {{marts}}.rpt_reconciliation_by_month
    where currency = %(currency)s and (%(service)s::text is null or service = %(service)s)
    group by period_month
    order by period_month desc
    limit 12
"""
DIMENSIONS = {"service": "service", "plan": "plan_code", "province": "province"}


def by_dimension(dimension: str) -> str:
    """The month's sums by service, plan or province."""
    column = DIMENSIONS[dimension]
    return f"""
        select coalesce({column}, 'unknown') as {dimension}, %(currency)s::text as currency, {_SUMS}
        {_OF_MONTH}
        group by 1
        order by sum(expected_amount) desc nulls last, 1
    """


BY_CURRENCY = f"""
    select currency, {_SUMS}
    from {{marts}}.rpt_reconciliation_by_month
    where period_month = %(month)s and (%(service)s::text is null or service = %(service)s)
    group by currency
    order by sum(period_count) desc, currency
"""
