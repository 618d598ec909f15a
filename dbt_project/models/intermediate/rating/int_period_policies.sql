{{ config(materialized='view') }}

with periods as (

    select * from {{ ref('int_subscription_periods') }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

-- A yearly plan has two streams of periods, cut by the same policies.
final as (

    select distinct on (periods.subscription_id, periods.period_start)
        periods.subscription_id,
        periods.period_start,
        periods.timezone,
        periods.period_rule,
        periods.proration,
        periods.bill_suspended,
        policies.duplicate_policy
    from periods
    inner join subscriptions on periods.subscription_id = subscriptions.subscription_id
    inner join policies
        on
            subscriptions.service = policies.service
            and periods.period_start >= policies.valid_from_at
            and periods.period_start < policies.valid_until_at
    order by periods.subscription_id asc, periods.period_start asc, periods.period_type asc

)

select * from final
