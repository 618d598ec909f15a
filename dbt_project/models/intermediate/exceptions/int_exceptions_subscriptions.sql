{{ config(post_hook='analyze {{ this }}') }}

with subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

unrateable as (

    select
        'subscription_unrateable' as kind,
        service,
        subscription_id as subject,
        subscription_id,
        external_customer_id,
        problem as facts,
        'Subscription ' || external_subscription_id || ' has '
        || case problem
            when 'no_start' then 'no start'
            when 'unknown_plan' then 'no known plan'
            else 'a billing interval that nobody knows: ' || coalesce(billing_interval, '(none)')
        end as description,
        held_from as since_at
    from subscriptions
    where problem is not null and status <> 'cancelled'

),

final as (

    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from unrateable

)

select * from final
