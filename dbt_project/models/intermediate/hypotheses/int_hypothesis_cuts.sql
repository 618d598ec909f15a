{{ config(post_hook='analyze {{ this }}') }}

-- The held time of each open key, cut by the second and cut by local days: what the policies share.
with rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

),

segments as (

    select * from {{ ref('int_subscription_segments') }}

),

spans as (

    select * from {{ ref('int_subscription_spans') }}

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

own_cuts as (

    select
        keyed.rest_number,
        keyed.service,
        keyed.subscription_id,
        keyed.period_type,
        keyed.timezone,
        keyed.proration as own_proration,
        case keyed.proration when 'second' then 'second' else 'day' end as cut,
        segments.plan_code,
        segments.is_trial,
        segments.segment_start,
        segments.segment_end,
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

),

exact_cuts as (

    select
        keyed.rest_number,
        keyed.service,
        keyed.subscription_id,
        keyed.period_type,
        keyed.timezone,
        keyed.proration as own_proration,
        'second' as cut,
        spans.plan_code,
        spans.is_trial,
        greatest(spans.span_start, keyed.period_start) as segment_start,
        least(spans.span_end, keyed.period_end) as segment_end,
        null::integer as held_days,
        null::numeric as fraction_numerator,
        null::numeric as fraction_denominator,
        keyed.full_end_on - keyed.full_start_on as period_days,
        {{ seconds_between('keyed.full_period_start', 'keyed.full_period_end') }} as period_seconds
    from keyed
    inner join spans
        on
            keyed.subscription_id = spans.subscription_id
            and keyed.period_start < spans.span_end
            and keyed.period_end > spans.span_start
    where keyed.proration <> 'second'

),

-- Under policy second the days have to be found: a shared day is the later segment's.
day_marks as (

    select
        *,
        {{ local_date('segment_start', 'timezone') }} as first_day,
        lead({{ local_date('segment_start', 'timezone') }}) over following as next_first_day,
        {{ local_date("segment_end - interval '1 microsecond'", 'timezone') }} as touched_last_day
    from own_cuts
    where own_proration = 'second'
    window following as (
        partition by rest_number
        order by segment_start
    )

),

day_cuts as (

    select
        rest_number, service, subscription_id, period_type, timezone, own_proration,
        'day' as cut,
        plan_code, is_trial,
        segment_start,
        case
            when touched_last_day >= next_first_day
                then {{ day_start('next_first_day', 'timezone') }}
            else segment_end
        end as segment_end,
        least(touched_last_day, next_first_day - 1) - first_day + 1 as held_days,
        null::numeric as fraction_numerator,
        null::numeric as fraction_denominator,
        period_days,
        period_seconds
    from day_marks
    where next_first_day is null or next_first_day > first_day

),

final as (

    select * from own_cuts
    union all
    select * from exact_cuts
    union all
    select * from day_cuts

)

select * from final
