{{
    config(
        indexes=[{'columns': ['subscription_id', 'piece_start']}],
        post_hook="{{ analyze_keys('subscription_id, period_type, period_start, segment_start, piece_start, piece_end') }}"
    )
}}

with spans as (

    select * from {{ ref('int_subscription_spans') }}

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
        periods.timezone,
        periods.proration,
        periods.full_end_on - periods.full_start_on as period_days,
        periods.full_end_on - 1 as period_last_day,
        spans.plan_id,
        spans.is_trial,
        greatest(spans.span_start, periods.period_start) as held_start,
        least(spans.span_end, periods.period_end) as held_end
    from periods
    inner join spans
        on
            periods.subscription_id = spans.subscription_id
            and periods.period_start < spans.span_end
            and periods.period_end > spans.span_start
    where periods.bill_suspended or not spans.is_suspended

),

-- The hours by which a change of zone made a period longer are its last day's.
touched as (

    select
        *,
        least({{ local_date('held_start', 'timezone') }}, period_last_day) as first_day,
        least(
            {{ local_date("held_end - interval '1 microsecond'", 'timezone') }}, period_last_day
        ) as touched_last_day
    from cut

),

-- A local day belongs to one piece: the last that touches it. So a switch day is the new plan's.
shared_days as (

    select
        *,
        lead(first_day) over (
            partition by subscription_id, period_type, period_start
            order by held_start
        ) as next_first_day,
        max(touched_last_day) over (
            partition by subscription_id, period_type, period_start
            order by first_day
            range between unbounded preceding and interval '1 day' preceding
        ) as earlier_last_day,
        min(held_start) over (
            partition by subscription_id, period_type, period_start, first_day
        ) as day_held_start
    from touched

),

allotted as (

    select
        *,
        greatest(least(touched_last_day, next_first_day - 1) - first_day + 1, 0) as held_days
    from shared_days

),

-- By the second every piece is where it is; by the day, where its days are.
placed as (

    select
        *,
        case
            when proration = 'second' then held_start
            when earlier_last_day >= first_day
                then greatest({{ day_start('first_day', 'timezone') }}, period_start)
            else
                greatest({{ day_start('first_day', 'timezone') }}, period_start, day_held_start)
        end as piece_start,
        case
            when proration <> 'second' and touched_last_day >= next_first_day
                then {{ day_start('next_first_day', 'timezone') }}
            else held_end
        end as piece_end
    from allotted
    where proration = 'second' or held_days > 0

),

final as (

    select
        subscription_id,
        period_type,
        period_start,
        period_end,
        full_period_start,
        full_period_end,
        period_days,
        proration,
        plan_id,
        is_trial,
        min(piece_start) over (
            partition by subscription_id, period_type, period_start, plan_id, is_trial
        ) as segment_start,
        piece_start,
        piece_end,
        held_days,
        {{ seconds_between('piece_start', 'piece_end') }} as held_seconds
    from placed

)

select * from final
