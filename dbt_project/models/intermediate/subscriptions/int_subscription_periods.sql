{{
    config(
        indexes=[{'columns': ['subscription_id', 'period_start']}],
        post_hook="{{ analyze_keys('subscription_id, period_type, period_start, period_end') }}"
    )
}}

-- A term that a dated policy begins later than as_of has no periods yet.
with terms as (

    select
        *,
        {{ local_date('term_start', 'timezone') }} as first_day,
        {{ local_date(
            'greatest(term_start, least(term_end, held_until, ' ~ as_of() ~ '))', 'timezone'
        ) }} as last_day
    from {{ ref('int_subscription_terms') }}
    where is_first_term or term_start <= {{ as_of() }}

),

-- One boundary too many on either side is cheap; which ones are real is decided by time below.
ordinals as (

    select
        terms.*,
        ordinal
    from terms
    cross join lateral generate_series(
        {{ boundary_ordinal('terms.first_day', 'terms') }} - 1,
        {{ boundary_ordinal('terms.last_day', 'terms') }} + 1
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

-- Where a policy of another zone begins, the hours between the two midnights are no period of their
-- own: the old one is as much longer or shorter, and whole.
moved as (

    select
        *,
        coalesce(
            is_ended_by_policy
            and term_end > {{ day_start('full_end_on - 1', 'timezone') }}
            and term_end < {{ day_start('full_end_on + 1', 'timezone') }},
            false
        ) as is_moved,
        coalesce(
            is_ended_by_policy
            and full_period_start > term_start
            and term_end < {{ day_start('full_start_on + 1', 'timezone') }},
            false
        ) as is_stub
    from boundaries

),

final as (

    select
        subscription_id,
        period_type,
        case
            when is_first_term then full_period_start
            else greatest(full_period_start, term_start)
        end as period_start,
        case when is_moved then term_end else least(full_period_end, term_end) end as period_end,
        full_period_start,
        case when is_moved then term_end else full_period_end end as full_period_end,
        full_start_on,
        full_end_on,
        timezone,
        period_rule,
        proration,
        bill_suspended,
        anchor_day as anchor_on
    from moved
    where
        not is_stub
        and full_period_start < full_period_end
        and full_period_end > term_start
        and full_period_start < coalesce(term_end, 'infinity')
        and full_period_start <= greatest({{ as_of() }}, term_start)
        and (
            held_until is null or full_period_start < held_until
            or full_period_start <= term_start
        )

)

select * from final
