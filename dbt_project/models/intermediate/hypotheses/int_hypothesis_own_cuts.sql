{{ config(post_hook='analyze {{ this }}') }}

-- The segments of each open key as they are rated.
with rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

),

segments as (

    select * from {{ ref('int_subscription_segments') }}

),

pieces as (

    select * from {{ ref('int_segment_pieces') }}

),

keyed as (

    select
        periods.*,
        rests.rest_number,
        rests.service
    from rests
    inner join periods
        on
            rests.subscription_id = periods.subscription_id
            and rests.period_start = periods.period_start
            and rests.period_end = periods.period_end

),

final as (

    select
        keyed.rest_number,
        keyed.service,
        keyed.subscription_id,
        keyed.period_type,
        keyed.timezone,
        keyed.proration as own_proration,
        case keyed.proration when 'second' then 'second' else 'day' end as cut,
        segments.plan_id,
        segments.plan_code,
        segments.is_trial,
        segments.segment_start,
        segments.segment_end,
        (
            select range_agg(tstzrange(pieces.piece_start, pieces.piece_end))
            from pieces
            where
                segments.subscription_id = pieces.subscription_id
                and segments.period_type = pieces.period_type
                and segments.segment_start = pieces.segment_start
        ) as held_times,
        segments.held_seconds,
        segments.held_days,
        segments.fraction_numerator,
        segments.fraction_denominator,
        keyed.full_end_on - keyed.full_start_on as period_days,
        {{ seconds_between('keyed.full_period_start', 'keyed.full_period_end') }} as period_seconds
    from keyed
    inner join segments
        on
            keyed.subscription_id = segments.subscription_id
            and keyed.period_type = segments.period_type
            and keyed.period_start = segments.period_start

)

select * from final
