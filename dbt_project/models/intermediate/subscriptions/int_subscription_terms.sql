with subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where problem is null

),

services as (

    select * from {{ ref('int_services') }}

),

plan_versions as (

    select * from {{ ref('int_subscription_plan_versions') }}

),

intervals as (

    select * from {{ ref('int_billing_intervals') }}

),

paced as (

    select
        subscriptions.subscription_id,
        subscriptions.held_from,
        subscriptions.held_until,
        services.timezone,
        services.period_rule,
        services.proration,
        intervals.month_count,
        intervals.day_count,
        plan_versions.is_first_plan,
        plan_versions.valid_from
    from plan_versions
    inner join subscriptions on plan_versions.subscription_id = subscriptions.subscription_id
    inner join services on subscriptions.service = services.service
    inner join intervals on plan_versions.billing_interval = intervals.billing_interval
    where
        plan_versions.is_first_plan
        or plan_versions.valid_from < coalesce(subscriptions.held_until, 'infinity')

),

marked as (

    select
        *,
        coalesce(
            lag(month_count) over earlier <> month_count or lag(day_count) over earlier <> day_count,
            true
        ) as is_new_pace
    from paced
    window earlier as (partition by subscription_id order by valid_from)

),

-- A plan with another interval begins its own periods: from the switch day, or by the second. Never
-- before the subscription itself, or the plan that it left on its first day would come after it.
starts as (

    select
        *,
        case
            when is_first_plan or valid_from <= held_from then held_from
            when proration = 'second' then valid_from
            else greatest(
                {{ day_start(local_date('valid_from', 'timezone'), 'timezone') }}, held_from
            )
        end as term_start
    from marked
    where is_new_pace

),

latest as (

    select distinct on (subscription_id, term_start) *
    from starts
    order by subscription_id asc, term_start asc, valid_from desc

),

final as (

    select
        subscription_id,
        timezone,
        period_rule,
        proration,
        month_count,
        day_count,
        term_start,
        lead(term_start) over following as term_end,
        row_number() over following = 1 as is_first_term,
        held_until,
        {{ local_date('term_start', 'timezone') }} as anchor_day
    from latest
    window following as (partition by subscription_id order by term_start)

)

select * from final
