with placed_days as (

    select * from {{ ref('int_usage_placed_days') }}

),

split_records as (

    select * from {{ ref('int_usage_split_records') }}

),

ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where is_counted

),

segment_charges as (

    select distinct
        subscription_id,
        period_type,
        segment_start,
        metric
    from {{ ref('int_segment_charges') }}
    where charge_kind = 'usage'

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

services as (

    select * from {{ ref('int_services') }}

),

metrics as (

    select * from {{ ref('int_metrics') }}

),

unpriced_days as (

    select placed_days.*
    from placed_days
    left join segment_charges
        on
            placed_days.subscription_id = segment_charges.subscription_id
            and placed_days.period_type = segment_charges.period_type
            and placed_days.segment_start = segment_charges.segment_start
            and placed_days.metric = segment_charges.metric
    where placed_days.segment_start is not null and segment_charges.metric is null

),

unreached as (

    select
        split_records.usage_key,
        split_records.segment_start is not null as is_placed
    from split_records
    left join segment_charges
        on
            split_records.subscription_id = segment_charges.subscription_id
            and split_records.period_type = segment_charges.period_type
            and split_records.segment_start = segment_charges.segment_start
            and split_records.metric = segment_charges.metric
    where segment_charges.metric is null
    union all
    select
        ledger.usage_key,
        true as is_placed
    from unpriced_days
    inner join ledger
        on
            ledger.event_at between unpriced_days.first_event_at and unpriced_days.last_event_at
            and unpriced_days.subscription_id = ledger.subscription_id
            and unpriced_days.metric is not distinct from ledger.metric
            and unpriced_days.unique_value is not distinct from ledger.unique_value
            and unpriced_days.usage_on = (ledger.event_at at time zone 'UTC')::date

),

-- The first thing that is wrong is the reason: nothing after it could be right.
final as (

    select
        ledger.usage_key,
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
            when unreached.is_placed then 'no_price'
            when ledger.event_at < subscriptions.held_from then 'before_start'
            when ledger.event_at >= subscriptions.held_until then 'after_end'
            when ledger.event_at > {{ as_of() }} then 'in_the_future'
            else 'not_held'
        end as reason
    from unreached
    inner join ledger on unreached.usage_key = ledger.usage_key
    left join subscriptions on ledger.subscription_id = subscriptions.subscription_id
    left join services on split_part(ledger.subscription_id, ':', 1) = services.service
    left join metrics
        on
            split_part(ledger.subscription_id, ':', 1) = metrics.service
            and ledger.metric = metrics.metric

)

select * from final
