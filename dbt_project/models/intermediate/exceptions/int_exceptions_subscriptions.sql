{{ config(post_hook='analyze {{ this }}') }}

with subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

segment_charges as (

    select * from {{ ref('int_segment_charges') }}

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

unpriced as (

    select
        'price_unusable' as kind,
        subscriptions.service,
        subscriptions.subscription_id || ' ' || segment_charges.charge as subject,
        subscriptions.subscription_id,
        subscriptions.external_customer_id,
        string_agg(distinct segment_charges.price_problem, ' ') as facts,
        'The price of ' || segment_charges.charge || ' (' || max(segment_charges.price_source)
        || ') cannot be rated by: '
        || replace(string_agg(distinct segment_charges.price_problem, ', '), '_', ' ')
            as description,
        min(segment_charges.segment_start) as since_at
    from segment_charges
    inner join subscriptions on segment_charges.subscription_id = subscriptions.subscription_id
    where segment_charges.price_problem is not null
    group by
        subscriptions.service, subscriptions.subscription_id, subscriptions.external_customer_id,
        segment_charges.charge

),

unioned as (

    select * from unrateable
    union all
    select * from unpriced

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
    from unioned

)

select * from final
