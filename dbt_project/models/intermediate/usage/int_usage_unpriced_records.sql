{{ config(materialized='view') }}

with usage_by_segment as (

    select * from {{ ref('int_usage_by_segment') }}

),

slices as (

    select * from {{ ref('int_usage_by_slice') }}

),

pieces as (

    select * from {{ ref('int_segment_pieces') }}

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
    where charge_kind = 'usage' and decimals is not null and price_problem is null

),

-- The time whose usage no charge asks for, or nobody knows how to add up.
unpriced_pieces as (

    select
        usage_by_segment.subscription_id,
        usage_by_segment.metric,
        pieces.piece_start,
        pieces.piece_end
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

),

unpriced_slices as (

    select
        slices.slice_on,
        slices.subscription_id,
        slices.metric,
        unpriced_pieces.piece_start,
        unpriced_pieces.piece_end
    from unpriced_pieces
    inner join slices
        on
            unpriced_pieces.subscription_id = slices.subscription_id
            and unpriced_pieces.metric = slices.metric
            and unpriced_pieces.piece_start <= slices.last_event_at
            and unpriced_pieces.piece_end > slices.first_event_at

),

-- Of the ledger only the days that hold one (`offset 0`): nearly always none.
final as (

    select
        of_day.usage_source,
        of_day.written_number
    from (select distinct slice_on from unpriced_slices) as unpriced_days
    cross join lateral (
        select *
        from ledger
        where unpriced_days.slice_on = ledger.slice_on
        offset 0  -- noqa: AM09
    ) as of_day
    where exists (
        select 1
        from unpriced_slices
        where
            of_day.slice_on = unpriced_slices.slice_on
            and of_day.subscription_id = unpriced_slices.subscription_id
            and of_day.metric = unpriced_slices.metric
            and of_day.event_at >= unpriced_slices.piece_start
            and of_day.event_at < unpriced_slices.piece_end
    )

)

select * from final
