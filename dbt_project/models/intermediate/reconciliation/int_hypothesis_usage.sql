{{ config(post_hook='analyze {{ this }}') }}

-- What was used in each segment of an open difference: in our window or in the one that the invoice
-- states, with all that was measured, only with what was written before the invoice was issued, or by
-- the app's own count.
with segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where not is_trial and period_type in ('all', 'usage')

),

differences as (

    select * from {{ ref('int_open_differences') }}

),

events as not materialized (

    select *
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

left_out as not materialized (

    select * from {{ ref('int_usage_left_out') }}

),

usage_by_segment as (

    select *
    from {{ ref('int_usage_by_segment') }}
    where aggregation in ('time_weighted_hours', 'time_weighted_days')

),

metrics as (

    select *
    from {{ ref('int_metric_versions') }}
    where is_current

),

prices as (

    select *
    from {{ ref('int_hypothesis_prices') }}
    where charge_kind = 'usage' and price_variant = 'own'

),

charges as (

    select *
    from {{ ref('int_app_charge_facts') }}
    where item_kind = 'usage' and quantity is not null and not is_duplicate

),

-- The time of each segment as we see it, and as the invoice states it.
bounded as (

    select
        segments.segment_number,
        segments.service,
        segments.subscription_id,
        segments.segment_start,
        segments.segment_end,
        segments.held_times,
        differences.issued_at,
        case
            when segments.segment_start = min(segments.segment_start) over same_key
                then differences.invoiced_start
            else segments.segment_start
        end as invoiced_segment_start,
        case
            when segments.segment_end = max(segments.segment_end) over same_key
                then differences.invoiced_end
            else segments.segment_end
        end as invoiced_segment_end
    from segments
    inner join differences on segments.difference_number = differences.difference_number
    window same_key as (
        partition by segments.difference_number, segments.segmentation, segments.plan_variant
    )

),

windows as (

    select distinct
        service,
        subscription_id,
        issued_at,
        span.window_start,
        span.window_end,
        span.held_times
    from bounded
    cross join lateral (
        values
        (segment_start, segment_end, held_times),
        (
            invoiced_segment_start, invoiced_segment_end,
            tstzmultirange(tstzrange(invoiced_segment_start, invoiced_segment_end))
        )
    ) as span (window_start, window_end, held_times)
    where span.window_start < span.window_end

),

found as (

    {{ usage_within(
        'windows', ['service', 'window_start', 'window_end', 'held_times', 'issued_at']
    ) }}

),

measured as (

    select
        found.window_service as service,
        found.subscription_id,
        found.window_start as window_start,
        found.window_end as window_end,
        found.window_held_times as held_times,
        found.window_issued_at as issued_at,
        found.metric,
        cut.usage_variant,
        sum(found.quantity) as summed_quantity,
        count(*) as record_count,
        max(found.quantity) as largest_quantity,
        count(distinct found.unique_value) as unique_count,
        (array_agg(found.quantity order by found.quantity desc nulls last))[
            (count(*) * 5 / 100 + 1)::integer
        ] as percentile_quantity,
        (array_agg(
            found.quantity
            order by found.event_at desc, found.written_at desc, found.written_number desc
        ))[1] as last_quantity
    from found
    inner join (values ('own'), ('late')) as cut (usage_variant)
        on cut.usage_variant = 'own' or found.window_issued_at >= found.written_at
    where
        found.left_out_reason is null
        and found.event_at < found.window_end
        and found.window_held_times @> found.event_at
    group by
        found.window_service, found.subscription_id, found.window_start,
        found.window_end, found.window_held_times, found.window_issued_at, found.metric,
        cut.usage_variant

),

aggregated as (

    select
        measured.subscription_id,
        measured.window_start,
        measured.window_end,
        measured.held_times,
        measured.issued_at,
        measured.metric,
        measured.usage_variant,
        case metrics.aggregation
            when 'sum' then measured.summed_quantity
            when 'count' then measured.record_count
            when 'max' then measured.largest_quantity
            when 'last' then measured.last_quantity
            when 'unique' then measured.unique_count
            when 'percentile_95' then measured.percentile_quantity
        end as used_quantity
    from measured
    inner join metrics
        on measured.service = metrics.service and measured.metric = metrics.metric
    where metrics.aggregation not in ('time_weighted_hours', 'time_weighted_days')

),

-- A gauge is known by what was measured before, too: it is as it is rated in every supposition.
gauged as (

    select
        segments.segment_number,
        variant.span_variant,
        usage_by_segment.metric,
        variant.usage_variant,
        usage_by_segment.used_quantity
    from segments
    inner join usage_by_segment
        on
            segments.subscription_id = usage_by_segment.subscription_id
            and segments.period_type = usage_by_segment.period_type
            and segments.segment_start = usage_by_segment.segment_start
    cross join (
        values
        ('own', 'own'), ('own', 'late'), ('as_invoiced', 'own'), ('as_invoiced', 'late')
    ) as variant (span_variant, usage_variant)

),

counted as (

    select
        bounded.segment_number,
        span.span_variant,
        aggregated.metric,
        aggregated.usage_variant,
        aggregated.used_quantity
    from bounded
    cross join
        lateral (
            values
            ('own', bounded.segment_start, bounded.segment_end, bounded.held_times),
            (
                'as_invoiced', bounded.invoiced_segment_start, bounded.invoiced_segment_end,
                case
                    when bounded.invoiced_segment_start < bounded.invoiced_segment_end
                        then tstzmultirange(
                            tstzrange(bounded.invoiced_segment_start, bounded.invoiced_segment_end)
                        )
                end
            )
        ) as span (span_variant, window_start, window_end, held_times)
    inner join aggregated
        on
            bounded.subscription_id = aggregated.subscription_id
            and span.window_start = aggregated.window_start
            and span.window_end = aggregated.window_end
            and span.held_times = aggregated.held_times
            and bounded.issued_at is not distinct from aggregated.issued_at

),

-- The app's own quantity: every usage item lies in the segment that it overlaps most, and measures
-- the metric that it names, or the only one that the plan charges.
items as (

    select
        charges.*,
        differences.difference_number
    from charges
    inner join differences
        on
            charges.subscription_id = differences.subscription_id
            and charges.period_start = differences.period_start
            and charges.period_end = differences.period_end

),

placed as (

    select distinct on (items.charge_id, segments.segmentation, segments.plan_variant)
        items.charge_id,
        items.description,
        items.quantity,
        segments.segmentation,
        segments.plan_variant,
        segments.segment_number
    from items
    inner join segments on items.difference_number = segments.difference_number
    order by
        items.charge_id asc, segments.segmentation asc, segments.plan_variant asc,
        least(segments.segment_end, items.charge_end)
        - greatest(segments.segment_start, items.charge_start) desc,
        segments.segment_start

),

named as (

    select
        placed.*,
        prices.metric,
        row_number() over (
            partition by placed.charge_id, placed.segmentation, placed.plan_variant
            order by
                (
                    coalesce(placed.description, '')
                    not ilike '%' || replace(prices.metric, '_', '%') || '%'
                )::int,
                prices.metric
        ) as metric_rank
    from placed
    inner join prices on placed.segment_number = prices.segment_number

),

final as (

    select * from counted
    union all
    select * from gauged
    union all
    select
        segment_number,
        'own' as span_variant,
        metric,
        'as_invoiced' as usage_variant,
        sum(quantity) as used_quantity
    from named
    where metric_rank = 1
    group by segment_number, metric

)

select * from final
