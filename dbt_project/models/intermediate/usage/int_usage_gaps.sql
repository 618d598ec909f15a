{{ config(pre_hook="{{ usage_must_be_held() }}") }}

-- depends_on: {{ ref('int_usage_events') }}
with split_records as (

    select * from {{ ref('int_usage_split_records') }}

),

unpriced_records as (

    select * from {{ ref('int_usage_unpriced_records') }}

),

ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where is_counted

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

services as (

    select * from {{ ref('int_services') }}

),

metrics as (

    select *
    from {{ ref('int_metric_versions') }}
    where is_current

),

unreached as (

    select
        usage_source,
        written_number,
        false as is_placed
    from split_records
    where segment_start is null
    union all
    select
        usage_source,
        written_number,
        true as is_placed
    from unpriced_records

),

-- The first thing that is wrong is the reason: nothing after it could be right. Few are lost among
-- many, so each is looked up by its number (`offset 0`).
final as (

    select
        ledger.usage_source || ':' || ledger.written_number as usage_key,
        ledger.usage_source,
        split_part(ledger.subscription_id, ':', 1) as service,
        ledger.subscription_id,
        substring(ledger.subscription_id from position(':' in ledger.subscription_id) + 1)
            as external_subscription_id,
        ledger.metric,
        ledger.quantity,
        ledger.event_at,
        ledger.loaded_at,
        case
            when services.service is null then 'unknown_service'
            when subscriptions.subscription_id is null then 'unknown_subscription'
            when subscriptions.problem is not null then 'subscription_' || subscriptions.problem
            when metrics.metric is null then 'unknown_metric'
            when metrics.aggregation is null then 'unknown_aggregation'
            when ledger.event_at is null then 'no_time'
            when unreached.is_placed then 'no_price'
            when ledger.event_at < subscriptions.held_from then 'before_start'
            when ledger.event_at >= subscriptions.held_until then 'after_end'
            when ledger.event_at > {{ as_of() }} then 'in_the_future'
            else 'not_held'
        end as reason
    from unreached
    cross join lateral (
        select *
        from ledger as held
        where
            unreached.usage_source = held.usage_source
            and unreached.written_number = held.written_number
        offset 0  -- noqa: AM09
    ) as ledger
    left join subscriptions on ledger.subscription_id = subscriptions.subscription_id
    left join services on split_part(ledger.subscription_id, ':', 1) = services.service
    left join metrics
        on
            split_part(ledger.subscription_id, ':', 1) = metrics.service
            and ledger.metric = metrics.metric

)

select * from final
