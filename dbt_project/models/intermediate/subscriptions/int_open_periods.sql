with terms as (

    select * from {{ ref('int_subscription_terms') }}

),

-- The pace of today: yearly plans still bill their usage by the month.
current_terms as (

    select distinct on (subscription_id)
        *,
        case when month_count > 0 and month_count % 12 = 0 then 1 else month_count end
            as step_months,
        case
            when period_rule = 'anniversary' then anchor_day
            when month_count > 0 then date '2000-01-01'
            else date '2000-01-03'
        end as grid_day,
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
        subscription_id,
        {{ day_start(boundary_day('grid_day', 'ordinal', 'step_months', 'day_count'), 'timezone') }}
            as period_start,
        {{ day_start(
            boundary_day('grid_day', '(ordinal + 1)', 'step_months', 'day_count'), 'timezone'
        ) }} as period_end
    from candidates

),

final as (

    select
        subscription_id,
        max(period_start) as period_start,
        min(period_end) as period_end
    from bounded
    where period_start <= {{ as_of() }} and period_end > {{ as_of() }}
    group by subscription_id

)

select * from final
