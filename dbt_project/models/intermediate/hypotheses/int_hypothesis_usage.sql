{{ config(pre_hook="{{ usage_must_be_held() }}", post_hook='analyze {{ this }}') }}

-- depends_on: {{ ref('int_usage_events') }}
-- What was used in each segment of an open key: in our window or in the one that the invoice
-- states, with all that was measured or only with what was written before the invoice was issued.
with ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where is_counted

),

metrics as (

    select *
    from {{ ref('int_metric_versions') }}
    where is_current

),

bounded as (

    select * from {{ ref('int_hypothesis_windows') }}

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
            said_segment_start, said_segment_end,
            tstzmultirange(tstzrange(said_segment_start, said_segment_end))
        )
    ) as span (window_start, window_end, held_times)
    where span.window_start < span.window_end

),

measured as (

    select
        windows.service,
        windows.subscription_id,
        windows.window_start,
        windows.window_end,
        windows.held_times,
        windows.issued_at,
        ledger.metric,
        cut.usage_variant,
        sum(ledger.quantity) as summed_quantity,
        count(*) as record_count,
        max(ledger.quantity) as largest_quantity,
        count(distinct ledger.unique_value) as unique_count,
        (array_agg(
            ledger.quantity
            order by ledger.event_at desc, ledger.written_at desc, ledger.written_number desc
        ))[1] as last_quantity
    from windows
    inner join ledger
        on
            windows.subscription_id = ledger.subscription_id
            and windows.window_start <= ledger.event_at
            and windows.window_end > ledger.event_at
            and windows.held_times @> ledger.event_at
    inner join (values ('own'), ('late')) as cut (usage_variant)
        on cut.usage_variant = 'own' or windows.issued_at >= ledger.written_at
    group by
        windows.service, windows.subscription_id, windows.window_start, windows.window_end,
        windows.held_times, windows.issued_at, ledger.metric, cut.usage_variant

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
        end as used_quantity
    from measured
    inner join metrics
        on measured.service = metrics.service and measured.metric = metrics.metric

),

final as (

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
                'said', bounded.said_segment_start, bounded.said_segment_end,
                case
                    when bounded.said_segment_start < bounded.said_segment_end
                        then tstzmultirange(
                            tstzrange(bounded.said_segment_start, bounded.said_segment_end)
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

)

select * from final
