with terms as (

    select *
    from {{ ref('int_subscription_terms') }}
    where period_type in ('all', 'usage')

),

-- The pace of today: yearly plans still bill their usage by the month.
current_terms as (

    select distinct on (subscription_id)
        *,
        {{ local_date(as_of(), 'timezone') }} as today
    from terms
    order by subscription_id, (term_start > {{ as_of() }})::int, term_start desc

),

candidates as (

    select
        current_terms.*,
        ordinal
    from current_terms
    cross join lateral generate_series(
        {{ boundary_ordinal('current_terms.today', 'current_terms') }} - 1,
        {{ boundary_ordinal('current_terms.today', 'current_terms') }} + 1
    ) as ordinal

),

bounded as (

    select
        *,
        {{ day_start(boundary_day('grid_day', 'ordinal', 'step_months', 'day_count'), 'timezone') }}
            as period_start,
        {{ day_start(
            boundary_day('grid_day', '(ordinal + 1)', 'step_months', 'day_count'), 'timezone'
        ) }} as period_end
    from candidates

),

-- Where another term begins within it, a period begins or ends there.
final as (

    select
        subscription_id,
        max(case
            when is_first_term then period_start
            else greatest(period_start, least(term_start, {{ as_of() }}))
        end) as period_start,
        min(least(period_end, term_end)) as period_end
    from bounded
    where period_start <= {{ as_of() }} and period_end > {{ as_of() }}
    group by subscription_id

)

select * from final
