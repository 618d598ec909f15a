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
        slices.weighted_seconds,
        slices.quantities,
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
        0 as weighted_seconds,
        array[quantity] as quantities,
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

-- What cannot be added up: gauges and samples, of few metrics, known before the join.
kept_apart as (

    select
        parts.*,
        metrics.aggregation
    from parts
    inner join subscriptions on parts.subscription_id = subscriptions.subscription_id
    inner join metrics
        on
            subscriptions.service = metrics.service
            and parts.metric = metrics.metric
            and parts.period_start >= metrics.valid_from
            and parts.period_start < metrics.valid_until
    where
        metrics.aggregation in ('time_weighted_hours', 'time_weighted_days', 'percentile_95')
        and parts.metric = any(array(
            select known.metric
            from metrics as known
            where known.aggregation in (
                'time_weighted_hours', 'time_weighted_days', 'percentile_95'
            )
        ))

),

-- A gauge: what each part of it measured last holds until the next part begins, or until now, over
-- the ends of segments and through breaks; a segment without a reading has what is carried into it.
held_values as (

    select
        subscription_id,
        metric,
        last_quantity,
        last_event_at as held_from,
        least(lead(first_event_at) over by_time, {{ as_of() }}) as held_until
    from kept_apart
    where aggregation <> 'percentile_95'
    window by_time as (
        partition by subscription_id, metric
        order by first_event_at, written_at nulls first, written_number
    )

),

carried as (

    select
        held_values.subscription_id,
        held_values.metric,
        pieces.period_type,
        pieces.period_start,
        pieces.segment_start,
        sum(
            held_values.last_quantity * {{ seconds_between(
                'greatest(held_values.held_from, pieces.piece_start)',
                'least(held_values.held_until, pieces.piece_end)'
            ) }}
        ) as weighted_seconds
    from held_values
    inner join pieces
        on
            held_values.subscription_id = pieces.subscription_id
            and held_values.held_from < pieces.piece_end
            and held_values.held_until > pieces.piece_start
    group by
        held_values.subscription_id, held_values.metric, pieces.period_type, pieces.period_start,
        pieces.segment_start

),

-- The largest twentieth of the samples is left out, and the largest of the rest counts: the value at
-- rank 95 % (nearest rank). Of each slice only as many can matter as are left out of all, and one.
sampled as (

    select
        subscription_id,
        metric,
        period_type,
        segment_start,
        quantities,
        (sum(record_count) over (
            partition by subscription_id, metric, period_type, segment_start
        ) * 5)::integer / 100 + 1 as rank_from_top
    from kept_apart
    where aggregation = 'percentile_95'

),

percentiles as (

    select
        sampled.subscription_id,
        sampled.metric,
        sampled.period_type,
        sampled.segment_start,
        (array_agg(largest.quantity order by largest.quantity desc))[max(sampled.rank_from_top)]
            as percentile_quantity
    from sampled
    cross join lateral unnest(sampled.quantities[:sampled.rank_from_top]) as largest (quantity)
    group by
        sampled.subscription_id, sampled.metric, sampled.period_type, sampled.segment_start

),

measured as (

    select
        subscription_id,
        metric,
        period_type,
        period_start,
        segment_start,
        record_count,
        summed_quantity,
        largest_quantity,
        weighted_seconds,
        first_event_at,
        last_event_at
    from parts
    union all
    select
        subscription_id,
        metric,
        period_type,
        period_start,
        segment_start,
        0 as record_count,
        null as summed_quantity,
        null as largest_quantity,
        weighted_seconds,
        null as first_event_at,
        null as last_event_at
    from carried

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
        coalesce(sum(weighted_seconds), 0) as weighted_seconds,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at
    from measured
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
            when 'time_weighted_hours'
                then round({{ exact_divide('totals.weighted_seconds', '3600') }}, 6)
            when 'time_weighted_days'
                then round({{ exact_divide('totals.weighted_seconds', '86400') }}, 6)
            when 'percentile_95' then percentiles.percentile_quantity
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
    left join percentiles
        on
            totals.subscription_id = percentiles.subscription_id
            and totals.metric = percentiles.metric
            and totals.period_type = percentiles.period_type
            and totals.segment_start = percentiles.segment_start
    -- What is carried into a period that weights by time no longer is nothing there.
    where
        totals.record_count > 0
        or metrics.aggregation in ('time_weighted_hours', 'time_weighted_days')

)

select * from final
