{{ config(indexes=[{'columns': ['usage_month']}]) }}

with rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

services as (

    select * from {{ ref('int_services') }}

),

-- Lines within their quota cost nothing and are on no invoice, but they are usage all the same.
dated as (

    select
        rated_lines.service,
        rated_lines.external_customer_id,
        rated_lines.subscription_id,
        rated_lines.external_subscription_id,
        rated_lines.plan_code,
        rated_lines.metric,
        rated_lines.currency,
        date_trunc(
            'month', {{ local_date('rated_lines.service_period_start', 'services.timezone') }}
        )::date as usage_month,
        rated_lines.quantity,
        rated_lines.included_quantity,
        rated_lines.billable_quantity,
        rated_lines.amount
    from rated_lines
    inner join services on rated_lines.service = services.service
    where rated_lines.kind = 'usage'

),

summed as (

    select
        service,
        external_customer_id,
        subscription_id,
        external_subscription_id,
        plan_code,
        metric,
        currency,
        usage_month,
        sum(quantity) as used_quantity,
        sum(included_quantity) as included_quantity,
        sum(billable_quantity) as billable_quantity,
        sum(amount) as usage_amount
    from dated
    group by
        service, external_customer_id, subscription_id, external_subscription_id, plan_code, metric,
        currency, usage_month

),

final as (

    select
        summed.service,
        summed.external_customer_id,
        customers.customer_name,
        summed.subscription_id,
        summed.external_subscription_id,
        summed.plan_code,
        summed.metric,
        summed.currency,
        summed.usage_month,
        summed.used_quantity::numeric(24, 6) as used_quantity,
        summed.included_quantity::numeric(24, 6) as included_quantity,
        summed.billable_quantity::numeric(24, 6) as billable_quantity,
        round(summed.used_quantity * 100 / nullif(summed.included_quantity, 0), 1)::numeric(18, 1)
            as quota_percent,
        summed.usage_amount::numeric(18, 4) as usage_amount
    from summed
    left join customers
        on
            summed.service = customers.service
            and summed.external_customer_id = customers.external_customer_id

)

select * from final
