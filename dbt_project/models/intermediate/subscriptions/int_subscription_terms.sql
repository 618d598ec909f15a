with subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where held_from is not null

),

versions as (

    select * from {{ ref('int_subscription_versions') }}

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

paced as (

    select
        subscriptions.subscription_id,
        subscriptions.service,
        subscriptions.held_from,
        subscriptions.held_until,
        plans.month_count,
        plans.day_count,
        greatest(versions.valid_from, plans.valid_from) as changed_at
    from subscriptions
    inner join versions on subscriptions.subscription_id = versions.subscription_id
    inner join plans
        on
            versions.plan_id = plans.plan_id
            and versions.valid_from < plans.valid_until
            and versions.valid_until > plans.valid_from
    where
        versions.valid_from < versions.valid_until
        and (
            greatest(versions.valid_from, plans.valid_from) <= subscriptions.held_from
            or greatest(versions.valid_from, plans.valid_from)
            < coalesce(subscriptions.held_until, 'infinity')
        )

),

dated as (

    select
        paced.*,
        policies.timezone,
        policies.proration,
        policies.bill_suspended,
        {{ day_start(local_date('paced.changed_at', 'policies.timezone'), 'policies.timezone') }}
            as day_started_at,
        {{ day_start('(' ~ local_date('paced.changed_at', 'policies.timezone') ~ ' + 1)',
                     'policies.timezone') }} as next_day_started_at
    from paced
    inner join policies
        on
            paced.service = policies.service
            and greatest(paced.changed_at, paced.held_from) >= policies.valid_from_at
            and greatest(paced.changed_at, paced.held_from) < policies.valid_until_at

),

-- A plan with another interval begins its own periods: from the switch day, or by the second. Never
-- before the subscription itself, or the plan that it left on its first day would come after it; and
-- from the next day where nothing is held any more on the day of the switch: that is the old plan's.
started as (

    select
        dated.*,
        case
            when dated.changed_at <= dated.held_from then dated.held_from
            when dated.proration = 'second' then dated.changed_at
            when held_that_day.last_end <= dated.changed_at then dated.next_day_started_at
            else greatest(dated.day_started_at, dated.held_from)
        end as pace_start
    from dated
    left join lateral (
        select max(spans.span_end) as last_end
        from spans
        where
            dated.subscription_id = spans.subscription_id
            and dated.next_day_started_at > spans.span_start
            and dated.day_started_at < spans.span_end
            and (dated.bill_suspended or not spans.is_suspended)
    ) as held_that_day on true

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
