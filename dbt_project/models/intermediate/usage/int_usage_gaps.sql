-- Counted records that reach no line: where nothing is held, and where nothing prices what is held.
with events as not materialized (

    select *
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

left_out as not materialized (

    select * from {{ ref('int_usage_left_out') }}

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

usage_by_segment as (

    select * from {{ ref('int_usage_by_segment') }}

),

slices as (

    select * from {{ ref('int_usage_by_slice') }}

),

pieces as (

    select * from {{ ref('int_segment_pieces') }}

),

segment_charges as (

    select distinct
        subscription_id,
        period_type,
        segment_start,
        metric
    from {{ ref('int_segment_charges') }}
    where charge_kind = 'usage' and decimals is not null and price_problem is null

),

-- The time whose usage no charge asks for, or nobody knows how to add up.
unpriced_times as (

    select
        usage_by_segment.subscription_id,
        usage_by_segment.metric,
        range_agg(tstzrange(pieces.piece_start, pieces.piece_end)) as unpriced_times
    from usage_by_segment
    inner join pieces
        on
            usage_by_segment.subscription_id = pieces.subscription_id
            and usage_by_segment.period_type = pieces.period_type
            and usage_by_segment.segment_start = pieces.segment_start
    left join segment_charges
        on
            usage_by_segment.subscription_id = segment_charges.subscription_id
            and usage_by_segment.period_type = segment_charges.period_type
            and usage_by_segment.segment_start = segment_charges.segment_start
            and usage_by_segment.metric = segment_charges.metric
    where segment_charges.metric is null or usage_by_segment.aggregation is null
    group by usage_by_segment.subscription_id, usage_by_segment.metric

),

held_times as (

    select
        subscription_id,
        range_agg(tstzrange(piece_start, piece_end)) as held_times
    from pieces
    where period_type in ('all', 'usage')
    group by subscription_id

),

-- Slices in which a record may lie where nothing is held, and those that share time with a segment
-- that nothing prices: nearly always none, so their records are looked at one by one.
doubtful_slices as (

    select
        slices.subscription_id,
        slices.metric,
        slices.slice_on,
        slices.first_event_at,
        slices.last_event_at,
        held_times.held_times,
        unpriced_times.unpriced_times
    from slices
    left join held_times on slices.subscription_id = held_times.subscription_id
    left join unpriced_times
        on
            slices.subscription_id = unpriced_times.subscription_id
            and slices.metric = unpriced_times.metric
    where
        (
            tstzrange(slices.first_event_at, slices.last_event_at, '[]') <@ held_times.held_times
        ) is not true
        or slices.first_event_at is null
        or tstzrange(slices.first_event_at, slices.last_event_at, '[]')
        && unpriced_times.unpriced_times

),

-- A unique count has a slice for each thing that it counts: together they are one window.
windows as (

    select
        subscription_id,
        metric,
        slice_on,
        held_times,
        unpriced_times,
        min(coalesce(first_event_at, 'epoch')) as window_start,
        max(coalesce(last_event_at, 'epoch')) as window_end
    from doubtful_slices
    group by subscription_id, metric, slice_on, held_times, unpriced_times

),

found as (

    {{ usage_within('windows', ['metric', 'slice_on', 'held_times', 'unpriced_times']) }}

),

counted as (

    select
        *,
        coalesce(event_at <@ window_held_times, false) as is_placed
    from found
    where left_out_reason is null and metric = window_metric and slice_on = window_slice_on

),

unreached as (

    select *
    from counted
    where not is_placed or event_at <@ window_unpriced_times

),

-- The first thing that is wrong is the reason: nothing after it could be right.
final as (

    select
        unreached.usage_source || ':' || unreached.written_number as usage_key,
        unreached.usage_source,
        split_part(unreached.subscription_id, ':', 1) as service,
        unreached.subscription_id,
        substring(unreached.subscription_id from position(':' in unreached.subscription_id) + 1)
            as external_subscription_id,
        unreached.metric,
        unreached.quantity,
        unreached.event_at,
        unreached.loaded_at,
        case
            when services.service is null then 'unknown_service'
            when subscriptions.subscription_id is null then 'unknown_subscription'
            when subscriptions.problem is not null then 'subscription_' || subscriptions.problem
            when metrics.metric is null then 'unknown_metric'
            when metrics.aggregation is null then 'unknown_aggregation'
            when unreached.event_at is null then 'no_time'
            when unreached.is_placed then 'no_price'
            when unreached.event_at < subscriptions.held_from then 'before_start'
            when unreached.event_at >= subscriptions.held_until then 'after_end'
            when unreached.event_at > {{ as_of() }} then 'in_the_future'
            else 'not_held'
        end as reason
    from unreached
    left join subscriptions on unreached.subscription_id = subscriptions.subscription_id
    left join services on split_part(unreached.subscription_id, ':', 1) = services.service
    left join metrics
        on
            split_part(unreached.subscription_id, ':', 1) = metrics.service
            and unreached.metric = metrics.metric

)

select * from final
