with revenue as (

    select * from {{ ref('fct_monthly_revenue') }}

),

final as (

    select
        service,
        revenue_month,
        currency,
        count(distinct external_customer_id)::integer as customer_count,
        sum(base_amount) as base_amount,
        sum(usage_amount) as usage_amount,
        sum(other_amount) as other_amount,
        sum(earned_amount) as earned_amount,
        sum(invoiced_amount) as invoiced_amount,
        bool_and(is_month_over) as is_month_over
    from revenue
    group by service, revenue_month, currency

)

select * from final
