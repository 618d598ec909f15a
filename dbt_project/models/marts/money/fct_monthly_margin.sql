-- The margin of all plans together: its cost is the sum of theirs, to the cent.
with plan_margin as (

    select * from {{ ref('rpt_plan_margin') }}

),

totals as (

    select
        service,
        revenue_month,
        metric,
        currency,
        sum(subscription_count)::integer as subscription_count,
        sum(quantity) as quantity,
        sum(revenue_amount) as revenue_amount,
        min(unit_cost) as unit_cost,
        sum(cost_amount) as cost_amount
    from plan_margin
    group by service, revenue_month, metric, currency

),

final as (

    select
        service,
        revenue_month,
        metric,
        currency,
        subscription_count,
        quantity,
        revenue_amount,
        unit_cost,
        cost_amount,
        revenue_amount - cost_amount as margin_amount,
        case
            when revenue_amount <> 0
                then round(100 * (revenue_amount - cost_amount) / revenue_amount, 1)
        end as margin_percent
    from totals

)

select * from final
