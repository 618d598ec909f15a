"""Recurring revenue and why it changed, what running periods come to, what no invoice has."""

from __future__ import annotations

MOVEMENTS = ("new", "reactivation", "expansion", "contraction", "churn")
MONTHS = "select distinct month_on from {marts}.fct_mrr order by month_on desc"
CURRENCIES = """
    select currency, count(*)::int as rows
    from {marts}.fct_mrr
    where currency is not null
    group by currency
    order by rows desc, currency
"""
_SCOPE = "currency = %(currency)s and (%(service)s::text is null or service = %(service)s)"
# The newest twelve months with every movement; what a month ends with is where the next begins.
BY_MONTH = f"""
    with mrr as (
        select month_on, sum(mrr_amount) as mrr_amount,
            count(*) filter (where mrr_amount <> 0)::int as subscription_count,
            bool_and(is_month_over) as is_month_over
        from {{marts}}.fct_mrr
        where {_SCOPE}
        group by month_on
    ),
    movements as (
        select month_on,
            {
    ", ".join(
        f"sum(amount) filter (where movement = '{name}') as {name}_amount" for name in MOVEMENTS
    )
}
        from {{marts}}.fct_mrr_movements
        where {_SCOPE}
        group by month_on
    )
    select month_on, %(currency)s::text as currency,
        coalesce(lag(mrr_amount) over (order by month_on), 0) as before_amount,
        {", ".join(f"coalesce({name}_amount, 0) as {name}_amount" for name in MOVEMENTS)},
        mrr_amount, subscription_count, is_month_over
    from mrr
    left join movements using (month_on)
    order by month_on desc
    limit 12
"""
OF_MONTH = f"""
    select service, external_customer_id, customer_name, subscription_id, plan_code, currency,
        movement, amount
    from {{marts}}.fct_mrr_movements
    where {_SCOPE} and month_on = %(month)s
    order by abs(amount) desc, customer_name, subscription_id
"""
FORECAST_SUM = f"""
    select count(*)::int as period_count, coalesce(sum(base_amount), 0) as base_amount,
        coalesce(sum(usage_so_far_amount), 0) as usage_so_far_amount,
        coalesce(sum(usage_to_come_amount), 0) as usage_to_come_amount,
        coalesce(sum(one_off_amount), 0) as one_off_amount,
        coalesce(sum(forecast_amount), 0) as forecast_amount,
        coalesce(sum(earlier_amount), 0) as earlier_amount
    from {{marts}}.rpt_forecast
    where {_SCOPE}
"""
FORECAST = f"""
    select service, external_customer_id, customer_name, subscription_id,
        external_subscription_id, plan_code, period_start, elapsed_percent, currency, base_amount,
        usage_so_far_amount, usage_to_come_amount, one_off_amount, forecast_amount, earlier_amount
    from {{marts}}.rpt_forecast
    where {_SCOPE} and (forecast_amount <> 0 or earlier_amount <> 0)
    order by abs(forecast_amount - earlier_amount) desc, forecast_amount desc, subscription_id
"""
UNBILLED_SUM = f"""
    select coalesce(sum(accrued_amount), 0) as accrued_amount,
        coalesce(sum(deferred_amount), 0) as deferred_amount,
        coalesce(sum(overbilled_amount), 0) as overbilled_amount
    from {{marts}}.rpt_unbilled
    where {_SCOPE} and month_end_on = (%(month)s::date + interval '1 month - 1 day')::date
"""
UNBILLED = f"""
    select service, external_customer_id, customer_name, subscription_id, currency, period_count,
        first_period_start, accrued_amount, deferred_amount, overbilled_amount
    from {{marts}}.rpt_unbilled
    where {_SCOPE} and month_end_on = (%(month)s::date + interval '1 month - 1 day')::date
    order by accrued_amount + deferred_amount + overbilled_amount desc, subscription_id
"""
# Newest first; a month stands in its own place, a week in the period that it lies in.
UNUSUAL = """
    select service, external_customer_id, customer_name, subscription_id,
        external_subscription_id, plan_code, metric, window_type, window_start, window_end,
        direction, used_quantity, daily_quantity, median_daily_quantity, history_count, deviation,
        deviation_limit
    from {marts}.rpt_usage_anomalies
    where %(service)s::text is null or service = %(service)s
    order by window_start desc, deviation desc nulls first, subscription_id, metric
"""
