{{ config(post_hook="{{ analyze_keys('subscription_id, period_type, segment_start, metric') }}") }}

with events as not materialized (

    select *
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

left_out as not materialized (

    select * from {{ ref('int_usage_left_out') }}

),

slices as (

    select * from {{ ref('int_usage_by_slice') }}

),

pieces as not materialized (

    select *
    from {{ ref('int_segment_pieces') }}
    where period_type in ('all', 'usage')

),

subscriptions as (

    select
        subscription_id,
        service
    from {{ ref('int_subscriptions') }}

),

metrics as (

    select * from {{ ref('int_metric_versions') }}

),

-- Nearly every slice lies in one segment; the records of these are looked at one by one.
split_slices as materialized (

    select
        slices.subscription_id,
        slices.metric,
        slices.slice_on,
        slices.unique_value,
        coalesce(slices.first_event_at, 'epoch') as window_start,
        coalesce(slices.last_event_at, 'epoch') as window_end
    from slices
    left join pieces
        on
            slices.subscription_id = pieces.subscription_id
            and slices.first_event_at >= pieces.piece_start
            and slices.last_event_at < pieces.piece_end
    where pieces.subscription_id is null

),

found as (

    {{ usage_within('split_slices', ['metric', 'slice_on', 'unique_value']) }}

),

split_records as (

    select
        found.*,
        pieces.period_type,
        pieces.period_start,
        pieces.segment_start
    from found
    inner join pieces
        on
            found.subscription_id = pieces.subscription_id
            and found.event_at >= pieces.piece_start
            and found.event_at < pieces.piece_end
    where
        found.left_out_reason is null
        and found.metric = found.window_metric
        and found.slice_on = found.window_slice_on
        and found.unique_value is not distinct from found.window_unique_value

),

-- All pieces of a segment together: whole slices, and the single records of those that a boundary cuts.
parts as (

    select
        slices.subscription_id,
        slices.metric,
        slices.unique_value,
        pieces.period_type,
        pieces.period_start,
        pieces.segment_start,
        slices.record_count,
        slices.summed_quantity,
        slices.largest_quantity,
        slices.last_quantity,
        slices.first_event_at,
        slices.last_event_at,
        null::timestamptz as written_at,
        null::bigint as written_number
    from slices
    inner join pieces
        on
            slices.subscription_id = pieces.subscription_id
            and slices.first_event_at >= pieces.piece_start
            and slices.last_event_at < pieces.piece_end
    union all
    select
        subscription_id,
        metric,
        unique_value,
        period_type,
        period_start,
        segment_start,
        1 as record_count,
        quantity as summed_quantity,
        quantity as largest_quantity,
        quantity as last_quantity,
        event_at as first_event_at,
        event_at as last_event_at,
        written_at,
        written_number
    from split_records

),

-- Only some metrics ask for the last value or for things counted; the rest is spared the sorting.
last_values as (

    select distinct on (subscription_id, metric, period_type, period_start, segment_start)
        subscription_id,
        metric,
        period_type,
        period_start,
        segment_start,
        last_quantity
    from parts
    where last_quantity is not null
    order by
        subscription_id asc, metric asc, period_type asc, period_start asc, segment_start asc,
        last_event_at desc, written_at desc nulls last, written_number desc nulls last

),

unique_counts as (

    select
        subscription_id,
        metric,
        period_type,
        period_start,
        segment_start,
        count(distinct unique_value) as unique_count
    from parts
    where unique_value is not null
    group by subscription_id, metric, period_type, period_start, segment_start

),

totals as (

    select
        subscription_id,
        metric,
        period_type,
        period_start,
        segment_start,
        sum(record_count) as record_count,
        sum(summed_quantity) as summed_quantity,
        max(largest_quantity) as largest_quantity,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at
    from parts
    group by subscription_id, metric, period_type, period_start, segment_start

),

final as (

    select
        totals.subscription_id,
        totals.metric,
        totals.period_type,
        totals.period_start,
        totals.segment_start,
        metrics.aggregation,
        totals.record_count,
        totals.first_event_at,
        totals.last_event_at,
        case metrics.aggregation
            when 'sum' then totals.summed_quantity
            when 'count' then totals.record_count
            when 'max' then totals.largest_quantity
            when 'last' then last_values.last_quantity
            when 'unique' then coalesce(unique_counts.unique_count, 0)
            else 0
        end as used_quantity
    from totals
    inner join subscriptions on totals.subscription_id = subscriptions.subscription_id
    -- The aggregation in force when the period began.
    left join metrics
        on
            subscriptions.service = metrics.service
            and totals.metric = metrics.metric
            and totals.period_start >= metrics.valid_from
            and totals.period_start < metrics.valid_until
    left join last_values
        on
            totals.subscription_id = last_values.subscription_id
            and totals.metric = last_values.metric
            and totals.period_type = last_values.period_type
            and totals.segment_start = last_values.segment_start
    left join unique_counts
        on
            totals.subscription_id = unique_counts.subscription_id
            and totals.metric = unique_counts.metric
            and totals.period_type = unique_counts.period_type
            and totals.segment_start = unique_counts.segment_start

)

select * from final
