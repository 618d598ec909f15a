with versions as (

    select *
    from {{ ref('int_subscription_versions') }}
    where held_from is not null and valid_from < valid_until

),

-- A suspension is known from when it was first seen; before, the subscription counts as held.
held as (

    select
        subscription_id,
        plan_id,
        trial_ends_at,
        greatest(valid_from, held_from) as held_start,
        least(valid_until, held_until) as held_end,
        case
            when subscription_status in ('past_due', 'suspended')
                then greatest(valid_from, known_from)
            else 'infinity'
        end as suspended_from
    from versions

),

by_status as (

    select
        subscription_id,
        plan_id,
        trial_ends_at,
        false as is_suspended,
        held_start as span_start,
        least(held_end, suspended_from) as span_end
    from held
    where held_start < least(held_end, suspended_from)
    union all
    select
        subscription_id,
        plan_id,
        trial_ends_at,
        true as is_suspended,
        greatest(held_start, suspended_from) as span_start,
        held_end as span_end
    from held
    where greatest(held_start, suspended_from) < held_end

),

-- Versions that follow without a gap and without another plan are one span.
marked as (

    select
        *,
        coalesce(
            lag(plan_id) over adjacent = plan_id
            and lag(is_suspended) over adjacent = is_suspended
            and lag(trial_ends_at) over adjacent is not distinct from trial_ends_at
            and lag(span_end) over adjacent >= span_start,
            false
        ) as is_continued
    from by_status
    window adjacent as (partition by subscription_id order by span_start)

),

numbered as (

    select
        *,
        count(*) filter (where not is_continued) over (
            partition by subscription_id
            order by span_start
        ) as span_number
    from marked

),

spans as (

    select
        subscription_id,
        span_number,
        plan_id,
        is_suspended,
        trial_ends_at,
        min(span_start) as span_start,
        max(span_end) as span_end
    from numbered
    group by subscription_id, span_number, plan_id, is_suspended, trial_ends_at

),

final as (

    select
        subscription_id,
        plan_id,
        true as is_trial,
        is_suspended,
        span_start,
        least(span_end, trial_ends_at) as span_end
    from spans
    where span_start < trial_ends_at
    union all
    select
        subscription_id,
        plan_id,
        false as is_trial,
        is_suspended,
        greatest(span_start, trial_ends_at) as span_start,
        span_end
    from spans
    where trial_ends_at is null or span_end > trial_ends_at

)

select * from final
