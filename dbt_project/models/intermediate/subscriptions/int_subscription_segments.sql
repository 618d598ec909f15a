{{
    config(
        indexes=[{'columns': ['subscription_id', 'segment_start']}],
        post_hook="{{ analyze_keys('subscription_id, period_type, period_start, segment_start, segment_end') }}"
    )
}}

with spans as (

    select * from {{ ref('int_segment_spans') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

),

cut as (

    select
        periods.subscription_id,
        periods.period_type,
        periods.period_start,
        periods.period_end,
        periods.full_period_start,
        periods.full_period_end,
        periods.proration,
        spans.plan_code,
        spans.is_trial,
        greatest(spans.segment_start, periods.period_start) as segment_start,
        least(spans.segment_end, periods.period_end) as segment_end,
        least(
            spans.last_day,
            {{ local_date("periods.period_end - interval '1 microsecond'", 'periods.timezone') }}
        ) - greatest(
            spans.first_day, {{ local_date('periods.period_start', 'periods.timezone') }}
        ) + 1 as held_days,
        periods.full_end_on - periods.full_start_on as period_days
    from periods
    inner join spans
        on
            periods.subscription_id = spans.subscription_id
            and periods.period_start < spans.segment_end
            and periods.period_end > spans.segment_start

),

-- Policy none charges the whole whatever was held; several plans share it by their days.
final as (

    select
        subscription_id,
        period_type,
        period_start,
        period_end,
        segment_start,
        segment_end,
        plan_code,
        is_trial,
        proration,
        held_days,
        {{ seconds_between('segment_start', 'segment_end') }} as held_seconds,
        case proration
            when 'second' then trim_scale({{ seconds_between('segment_start', 'segment_end') }})
            else held_days::numeric
        end as fraction_numerator,
        case proration
            when 'second'
                then trim_scale({{ seconds_between('full_period_start', 'full_period_end') }})
            when 'day' then period_days::numeric
            else sum(held_days) over (
                partition by subscription_id, period_type, period_start
            )::numeric
        end as fraction_denominator
    from cut

)

select * from final
