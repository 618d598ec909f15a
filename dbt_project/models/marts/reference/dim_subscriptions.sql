{{ config(indexes=[{'columns': ['subscription_id']}, {'columns': ['external_customer_id']}]) }}

with subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

charges as (

    select *
    from {{ ref('int_segment_charges') }}
    where charge_kind = 'base'

),

customers as (

    select * from {{ ref('dim_customers') }}

),

-- The fee of the newest segment that has one; a plan may have several.
prices as (

    select distinct on (subscription_id)
        subscription_id,
        sum(base_fee) as price_amount,
        min(currency) as currency,
        min(price_source) as price_source,
        bool_or(is_assumed_price) as is_assumed_price
    from charges
    group by subscription_id, period_type, segment_start
    order by subscription_id asc, segment_start desc

),

final as (

    select
        subscriptions.subscription_id,
        subscriptions.service,
        subscriptions.external_subscription_id,
        subscriptions.external_customer_id,
        customers.customer_name,
        coalesce(customers.partner_id, subscriptions.order_partner_id) as partner_id,
        subscriptions.plan_id,
        subscriptions.plan_code,
        subscriptions.plan_name,
        subscriptions.billing_interval,
        prices.price_amount,
        coalesce(prices.currency, subscriptions.currency) as currency,
        prices.price_source,
        coalesce(prices.is_assumed_price, false) as is_assumed_price,
        subscriptions.status,
        subscriptions.held_from as started_at,
        subscriptions.trial_ends_at,
        subscriptions.held_until as ended_at,
        subscriptions.held_from <= {{ as_of() }}
        and coalesce(subscriptions.held_until > {{ as_of() }}, true) as is_held,
        coalesce(cardinality(subscriptions.deployment_ids), 0) as deployment_count,
        subscriptions.deployment_names,
        subscriptions.is_deleted,
        subscriptions.problem
    from subscriptions
    left join prices on subscriptions.subscription_id = prices.subscription_id
    left join customers
        on
            subscriptions.service = customers.service
            and subscriptions.external_customer_id = customers.external_customer_id

)

select * from final
