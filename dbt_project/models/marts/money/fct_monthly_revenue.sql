{{ config(indexes=[{'columns': ['revenue_month']}]) }}

with services as (

    select * from {{ ref('int_services') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

unioned as (

    select * from {{ ref('int_monthly_revenue_parts') }}

),

final as (

    select
        unioned.service,
        unioned.external_customer_id,
        customers.customer_name,
        unioned.subscription_id,
        unioned.stream,
        date_trunc('month', {{ local_date('unioned.revenue_at', 'services.timezone') }})::date
            as revenue_month,
        unioned.currency,
        sum(unioned.base_amount) as base_amount,
        sum(unioned.usage_amount) as usage_amount,
        sum(unioned.other_amount) as other_amount,
        sum(unioned.base_amount + unioned.usage_amount + unioned.other_amount) as earned_amount,
        sum(unioned.invoiced_amount) as invoiced_amount,
        bool_and(unioned.is_period_over) as is_month_over
    from unioned
    inner join services on unioned.service = services.service
    left join customers
        on
            unioned.service = customers.service
            and unioned.external_customer_id = customers.external_customer_id
    group by
        unioned.service, unioned.external_customer_id, customers.customer_name,
        unioned.subscription_id, unioned.stream,
        date_trunc('month', {{ local_date('unioned.revenue_at', 'services.timezone') }})::date,
        unioned.currency
    having
        sum(unioned.base_amount + unioned.usage_amount + unioned.other_amount) <> 0
        or sum(unioned.invoiced_amount) <> 0

)

select * from final
