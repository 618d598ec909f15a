with subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where problem is null

),

services as (

    select * from {{ ref('int_services') }}

),

versions as (

    select * from {{ ref('int_subscription_versions') }}

),

-- The first version reaches back to the start; a suspension that it shows is known from then only.
held_versions as (

    select
        versions.subscription_id,
        versions.plan_code,
        subscriptions.trial_ends_at,
        case
            when versions.is_first_version then subscriptions.held_from
            else greatest(versions.valid_from, subscriptions.held_from)
        end as span_start,
        least(
            case
                when services.bill_suspended then versions.valid_until
                when versions.subscription_status not in ('past_due', 'suspended')
                    then versions.valid_until
                when versions.is_first_version then versions.valid_from
                else subscriptions.held_from
            end,
            versions.ended_at,
            subscriptions.held_until,
            'infinity'::timestamptz
        ) as span_end
    from versions
    inner join subscriptions on versions.subscription_id = subscriptions.subscription_id
    inner join services on subscriptions.service = services.service

),

-- Versions that follow without a gap and without another plan are one span.
marked as (

    select
        *,
        coalesce(
            lag(plan_code) over adjacent = plan_code and lag(span_end) over adjacent >= span_start,
            false
        ) as is_continued
    from held_versions
    where span_start < span_end
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
        plan_code,
        trial_ends_at,
        min(span_start) as span_start,
        max(span_end) as span_end
    from numbered
    group by subscription_id, span_number, plan_code, trial_ends_at

),

final as (

    select
        subscription_id,
        plan_code,
        true as is_trial,
        span_start,
        least(span_end, trial_ends_at) as span_end
    from spans
    where span_start < trial_ends_at
    union all
    select
        subscription_id,
        plan_code,
        false as is_trial,
        greatest(span_start, trial_ends_at) as span_start,
        span_end
    from spans
    where trial_ends_at is null or span_end > trial_ends_at

)

select * from final
