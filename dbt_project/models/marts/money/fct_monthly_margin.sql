with rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

unit_costs as (

    select
        unit_costs.*,
        upper(unit_costs.currency) as currency_code,
        {{ decimals_of('currencies') }} as decimals
    from {{ ref('unit_costs') }} as unit_costs
    left join {{ ref('int_currencies') }} as currencies
        on upper(unit_costs.currency) = currencies.currency_code

),

services as (

    select * from {{ ref('int_services') }}

),

-- How many months a fee is for: a year's fee pays for twelve. From four weeks on an interval is whole
-- months; days and weeks are the parts of a month that they are.
fee_months as (

    select
        subscription_id,
        period_type,
        period_start,
        case
            when full_end_on - full_start_on < 28
                then (full_end_on - full_start_on) / 365.25 * 12
            else round((full_end_on - full_start_on) / 365.25 * 12)
        end as month_count
    from {{ ref('int_subscription_periods') }}

),

-- A base fee pays for the subscription's months, usage for what was used, the included part too.
produced as (

    select
        rated_lines.service,
        date_trunc(
            'month', {{ local_date('rated_lines.service_period_start', 'services.timezone') }}
        )::date as revenue_month,
        rated_lines.currency,
        case when rated_lines.kind = 'base' then 'subscription_month' else rated_lines.metric end
            as metric,
        rated_lines.subscription_id,
        case
            when rated_lines.kind = 'base'
                then
                    rated_lines.fraction_numerator * fee_months.month_count
                    / rated_lines.fraction_denominator
            when rated_lines.kind = 'usage' then rated_lines.quantity
            else 0
        end as quantity,
        rated_lines.amount
    from rated_lines
    inner join services on rated_lines.service = services.service
    inner join fee_months
        on
            rated_lines.subscription_id = fee_months.subscription_id
            and rated_lines.period_type = fee_months.period_type
            and rated_lines.service_period_start = fee_months.period_start
    where rated_lines.kind in ('base', 'usage', 'minimum')

),

totals as (

    select
        service,
        revenue_month,
        currency,
        metric,
        count(distinct subscription_id)::integer as subscription_count,
        sum(quantity) as quantity,
        sum(amount) as revenue_amount
    from produced
    group by service, revenue_month, currency, metric

),

final as (

    select
        totals.service,
        totals.revenue_month,
        totals.metric,
        totals.currency,
        totals.subscription_count,
        round(totals.quantity, 6) as quantity,
        totals.revenue_amount,
        unit_costs.unit_cost,
        {{ round_money('totals.quantity * unit_costs.unit_cost', 'unit_costs.decimals') }} as cost_amount,
        totals.revenue_amount - {{ round_money('totals.quantity * unit_costs.unit_cost', 'unit_costs.decimals') }} as margin_amount,
        case
            when totals.revenue_amount <> 0
                then round(
                    100 * (
                        totals.revenue_amount
                        - {{ round_money('totals.quantity * unit_costs.unit_cost', 'unit_costs.decimals') }}
                    ) / totals.revenue_amount, 1
                )
        end as margin_percent
    from totals
    left join unit_costs
        on
            totals.service = unit_costs.service
            and totals.metric = unit_costs.metric
            and totals.currency = unit_costs.currency_code
            and totals.revenue_month >= unit_costs.valid_from
            and totals.revenue_month < coalesce(unit_costs.valid_to, 'infinity')

)

select * from final
