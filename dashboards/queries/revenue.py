"""Revenue, margin, receivables, taxes, usage: one currency at a time, the newest twelve months."""

from __future__ import annotations

MONTHS = """
    select distinct revenue_month
    from {marts}.rpt_revenue_by_month
    order by revenue_month desc
"""
CURRENCIES = """
    select currency, sum(customer_count)::int as rows from {marts}.rpt_revenue_by_month
    group by currency
    order by rows desc, currency
"""
_SCOPE = "currency = %(currency)s and (%(service)s::text is null or service = %(service)s)"
BY_MONTH = f"""
    select
        revenue_month, currency, sum(base_amount) as base_amount, sum(usage_amount) as usage_amount,
        sum(other_amount) as other_amount, sum(earned_amount) as earned_amount,
        sum(invoiced_amount) as invoiced_amount,
        sum(customer_count)::int as customer_count, bool_and(is_month_over) as is_month_over
    from {{marts}}.rpt_revenue_by_month
    where {_SCOPE}
        and revenue_month > (
            select max(revenue_month) from {{marts}}.rpt_revenue_by_month
        ) - interval '12 months'
    group by revenue_month, currency
    order by revenue_month desc
"""
BY_CUSTOMER = f"""
    select
        service, external_customer_id, max(customer_name) as customer_name, currency,
        count(distinct subscription_id)::int as subscription_count,
        sum(base_amount) as base_amount, sum(usage_amount) as usage_amount,
        sum(other_amount) as other_amount, sum(earned_amount) as earned_amount,
        sum(invoiced_amount) as invoiced_amount
    from {{marts}}.fct_monthly_revenue
    where {_SCOPE} and revenue_month = %(month)s
    group by service, external_customer_id, currency
    order by sum(earned_amount) desc nulls last, service, external_customer_id
"""
MARGIN = f"""
    select service, revenue_month, metric, currency, subscription_count, quantity, revenue_amount,
        unit_cost, cost_amount, margin_amount, margin_percent
    from {{marts}}.fct_monthly_margin
    where {_SCOPE} and revenue_month = %(month)s
    order by revenue_amount desc, service, metric
"""
AGING = """
    select issuer, debtor_id, customer_name, currency, invoice_count, not_due_amount,
        overdue_1_to_30_days_amount, overdue_31_to_60_days_amount, overdue_61_to_90_days_amount,
        overdue_over_90_days_amount, open_amount, longest_overdue_days
    from {marts}.rpt_receivables_aging
    where currency = %(currency)s
    order by open_amount desc, issuer, debtor_id
"""
AGING_TOTALS = """
    select
        count(*)::int as debtor_count, coalesce(sum(not_due_amount), 0) as not_due_amount,
        coalesce(sum(overdue_1_to_30_days_amount), 0) as overdue_1_to_30_days_amount,
        coalesce(sum(overdue_31_to_60_days_amount), 0) as overdue_31_to_60_days_amount,
        coalesce(sum(overdue_61_to_90_days_amount), 0) as overdue_61_to_90_days_amount,
        coalesce(sum(overdue_over_90_days_amount), 0) as overdue_over_90_days_amount,
        coalesce(sum(open_amount), 0) as open_amount
    from {marts}.rpt_receivables_aging
    where currency = %(currency)s
"""
TAX = """
    select issuer, document_state, service, tax_month, province, currency, invoice_count,
        net_amount, tax_amount, province_tax_amount, difference_amount
    from {marts}.rpt_tax_by_province
    where currency = %(currency)s and (%(service)s::text is null or service = %(service)s)
        and (%(month)s::date is null or tax_month = %(month)s)
    order by tax_month desc, document_state desc, issuer, province, service
"""
USAGE = f"""
    select service, external_customer_id, customer_name, external_subscription_id,
        subscription_id, plan_code, metric, currency, used_quantity, included_quantity,
        billable_quantity, quota_percent, usage_amount
    from {{marts}}.rpt_usage_by_customer
    where {_SCOPE} and usage_month = %(month)s
    order by quota_percent desc nulls last, usage_amount desc, subscription_id, metric
"""
