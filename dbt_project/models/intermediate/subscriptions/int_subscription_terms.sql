with subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where held_from is not null

),

spans as (

    select * from {{ ref('int_subscription_spans') }}

),

-- An interval that nobody knows sets no pace: the one before goes on, and an exception holds the lines.
plans as (

    select *
    from {{ ref('int_plan_versions') }}
    where month_count is not null

),

policies as (

    select * from {{ ref('int_service_policies') }}

),

-- A plan sets the pace from when it is held: one that is suspended at once sets none until it is back.
paced as (

    select
        subscriptions.subscription_id,
        subscriptions.service,
        subscriptions.held_from,
        subscriptions.held_until,
        plans.month_count,
        plans.day_count,
        policies.timezone,
        policies.proration,
        greatest(spans.span_start, plans.valid_from) as changed_at
    from subscriptions
    inner join spans on subscriptions.subscription_id = spans.subscription_id
    inner join plans
        on
            spans.plan_id = plans.plan_id
            and spans.span_start < plans.valid_until
            and spans.span_end > plans.valid_from
    inner join policies
        on
            subscriptions.service = policies.service
            and greatest(spans.span_start, plans.valid_from) >= policies.valid_from_at
            and greatest(spans.span_start, plans.valid_from) < policies.valid_until_at
    where policies.bill_suspended or not spans.is_suspended

),

-- A plan with another interval begins its own periods: from the switch day, or by the second. Never
-- before the subscription itself, or the plan that it left on its first day would come after it.
started as (

    select
        *,
        case
            when changed_at = min(changed_at) over (partition by subscription_id) then held_from
            when proration = 'second' then changed_at
            else greatest({{ day_start(local_date('changed_at', 'timezone'), 'timezone') }}, held_from)
        end as pace_start
    from paced

),

latest as (

    select distinct on (subscription_id, pace_start) *
    from started
    order by subscription_id asc, pace_start asc, changed_at desc

),

marked as (

    select
        *,
        coalesce(
            lag(month_count) over earlier <> month_count or lag(day_count) over earlier <> day_count,
            true
        ) as is_new_pace
    from latest
    window earlier as (partition by subscription_id order by pace_start)

),

-- A yearly plan bills its base by the year and its usage by the month; every other plan both at once.
streams as (

    select
        paces.*,
        stream.period_type,
        stream.step_months
    from (
        select
            subscription_id,
            service,
            held_until,
            month_count,
            day_count,
            pace_start,
            coalesce(lead(pace_start) over following, 'infinity') as pace_end,
            row_number() over following = 1 as is_first_pace,
            {{ local_date('pace_start', 'timezone') }} as anchor_day
        from marked
        where is_new_pace
        window following as (partition by subscription_id order by pace_start)
    ) as paces
    cross join lateral (
        values
        ('all', paces.month_count),
        ('base', paces.month_count),
        ('usage', 1)
    ) as stream (period_type, step_months)
    where
        (stream.period_type <> 'all')
        = (paces.month_count > 0 and paces.month_count % 12 = 0)

),

-- Calendar periods hang on a fixed day: the first of January, a Monday. The anchor of an anniversary
-- is the day of the zone in which it began, whatever zone comes after.
governed as (

    select
        streams.*,
        policies.timezone,
        policies.period_rule,
        policies.proration,
        policies.bill_suspended,
        policies.valid_from,
        policies.valid_from_at,
        case
            when policies.period_rule = 'anniversary' then streams.anchor_day
            when streams.step_months > 0 then date '2000-01-01'
            else date '2000-01-03'
        end as grid_day
    from streams
    inner join policies on streams.service = policies.service

),

-- A dated policy counts from the first period of its own rule that begins at or after its day; a
-- plan's own first period begins where the plan does.
policy_starts as (

    select
        governed.*,
        case
            when governed.valid_from is null then governed.pace_start
            when not governed.is_first_pace and governed.valid_from_at <= governed.pace_start
                then governed.pace_start
            else greatest(first_period.started_at, governed.pace_start)
        end as term_start
    from governed
    cross join lateral (
        select min(boundary.started_at) as started_at
        from generate_series(
            {{ boundary_ordinal('governed.valid_from', 'governed') }} - 1,
            {{ boundary_ordinal('governed.valid_from', 'governed') }} + 2
        ) as ordinal
        cross join lateral (
            select {{ day_start(
                boundary_day('governed.grid_day', 'ordinal', 'governed.step_months',
                             'governed.day_count'),
                'governed.timezone'
            ) }} as started_at
        ) as boundary
        where boundary.started_at >= governed.valid_from_at
    ) as first_period

),

-- Where two policies begin to count together, the later is the one.
counted as (

    select *
    from (
        select
            *,
            min(term_start) over (
                partition by subscription_id, period_type, pace_start
                order by valid_from_at
                rows between 1 following and unbounded following
            ) as later_start
        from policy_starts
        where
            term_start < pace_end
            and (
                (is_first_pace and term_start = pace_start)
                or term_start < coalesce(held_until, 'infinity')
            )
    ) as followed
    where later_start is null or later_start > term_start

),

final as (

    select
        subscription_id,
        period_type,
        timezone,
        period_rule,
        proration,
        bill_suspended,
        month_count,
        step_months,
        day_count,
        grid_day,
        anchor_day,
        term_start,
        coalesce(lead(term_start) over following, nullif(pace_end, 'infinity')) as term_end,
        lead(term_start) over following is not null as is_ended_by_policy,
        is_first_pace and row_number() over following = 1 as is_first_term,
        held_until
    from counted
    window following as (partition by subscription_id, period_type, pace_start order by term_start)

)

select * from final
