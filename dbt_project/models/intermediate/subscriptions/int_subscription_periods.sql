{{
    config(
        indexes=[{'columns': ['subscription_id', 'period_start']}],
        post_hook="{{ analyze_keys('subscription_id, period_type, period_start, period_end') }}"
    )
}}

with terms as (

    select * from {{ ref('int_subscription_terms') }}

),

-- A yearly plan bills its base by the year and its usage by the month; every other plan both at
-- once. Calendar periods hang on a fixed day: the first of January, a Monday.
streams as (

    select
        terms.*,
        stream.period_type,
        stream.step_months,
        case
            when terms.period_rule = 'anniversary' then terms.anchor_day
            when stream.step_months > 0 then date '2000-01-01'
            else date '2000-01-03'
        end as grid_day,
        {{ local_date('terms.term_start', 'terms.timezone') }} as first_day,
        {{ local_date(
            'greatest(terms.term_start, least(terms.term_end, terms.held_until, ' ~ as_of() ~ '))',
            'terms.timezone'
        ) }} as last_day
    from terms
    cross join lateral (
        select
            'all' as period_type,
            terms.month_count as step_months
        where terms.month_count % 12 > 0 or terms.month_count = 0
        union all
        select
            'base' as period_type,
            terms.month_count as step_months
        where terms.month_count > 0 and terms.month_count % 12 = 0
        union all
        select
            'usage' as period_type,
            1 as step_months
        where terms.month_count > 0 and terms.month_count % 12 = 0
    ) as stream

),

-- One boundary too many on either side is cheap; which ones are real is decided by time below.
ordinals as (

    select
        streams.*,
        ordinal
    from streams
    cross join lateral generate_series(
        {{ boundary_ordinal('streams.first_day', 'streams') }} - 1,
        {{ boundary_ordinal('streams.last_day', 'streams') }} + 1
    ) as ordinal

),

days as (

    select
        *,
        {{ boundary_day('grid_day', 'ordinal', 'step_months', 'day_count') }} as full_start_on,
        {{ boundary_day('grid_day', '(ordinal + 1)', 'step_months', 'day_count') }} as full_end_on
    from ordinals

),

-- Most subscriptions share their boundaries: each is looked up in its zone once.
day_starts as (

    select
        timezone,
        boundary_on,
        {{ day_start('boundary_on', 'timezone') }} as started_at
    from (
        select
            timezone,
            full_start_on as boundary_on
        from days
        union
        select
            timezone,
            full_end_on as boundary_on
        from days
    ) as boundaries

),

boundaries as (

    select
        days.*,
        starts.started_at as full_period_start,
        ends.started_at as full_period_end
    from days
    inner join day_starts as starts
        on days.timezone = starts.timezone and days.full_start_on = starts.boundary_on
    inner join day_starts as ends
        on days.timezone = ends.timezone and days.full_end_on = ends.boundary_on

),

final as (

    select
        subscription_id,
        period_type,
        case
            when is_first_term then full_period_start
            else greatest(full_period_start, term_start)
        end as period_start,
        least(full_period_end, term_end) as period_end,
        full_period_start,
        full_period_end,
        full_start_on,
        full_end_on,
        timezone,
        period_rule,
        proration,
        anchor_day as anchor_on
    from boundaries
    where
        full_period_start < full_period_end
        and full_period_end > term_start
        and full_period_start < coalesce(term_end, 'infinity')
        and full_period_start <= greatest({{ as_of() }}, term_start)
        and (
            held_until is null or full_period_start < held_until
            or full_period_start <= term_start
        )

)

select * from final
