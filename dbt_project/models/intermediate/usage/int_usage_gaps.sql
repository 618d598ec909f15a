with usage_by_segment as (

    select * from {{ ref('int_usage_by_segment') }}

),

split_records as (

    select * from {{ ref('int_usage_split_records') }}

),

segments as (

    select * from {{ ref('int_subscription_segments') }}

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

-- Segments whose usage no charge asks for, or nobody knows how to add up: record by record.
unpriced_segments as (

    select
        usage_by_segment.subscription_id,
        usage_by_segment.metric,
        segments.segment_start,
        segments.segment_end
    from usage_by_segment
    inner join segments
        on
            usage_by_segment.subscription_id = segments.subscription_id
            and usage_by_segment.period_type = segments.period_type
            and usage_by_segment.segment_start = segments.segment_start
    left join segment_charges
        on
            usage_by_segment.subscription_id = segment_charges.subscription_id
            and usage_by_segment.period_type = segment_charges.period_type
            and usage_by_segment.segment_start = segment_charges.segment_start
            and usage_by_segment.metric = segment_charges.metric
    where segment_charges.metric is null or usage_by_segment.aggregation is null

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
        ledger.usage_source,
        ledger.written_number,
        true as is_placed
    from unpriced_segments
    inner join ledger
        on
            unpriced_segments.subscription_id = ledger.subscription_id
            and unpriced_segments.metric = ledger.metric
            and unpriced_segments.segment_start <= ledger.event_at
            and unpriced_segments.segment_end > ledger.event_at

),

-- The first thing that is wrong is the reason: nothing after it could be right.
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
    inner join ledger
        on
            unreached.usage_source = ledger.usage_source
            and unreached.written_number = ledger.written_number
    left join subscriptions on ledger.subscription_id = subscriptions.subscription_id
    left join services on split_part(ledger.subscription_id, ':', 1) = services.service
    left join metrics
        on
            split_part(ledger.subscription_id, ':', 1) = metrics.service
            and ledger.metric = metrics.metric

)

select * from final
