{{ config(post_hook="{{ analyze_keys('subscription_id, service') }}") }}

with versions as (

    select * from {{ ref('int_subscription_versions') }}

),

plans as (

    select *
    from {{ ref('int_plan_versions') }}
    where valid_until = 'infinity'

),

deployments as (

    select * from {{ ref('stg_nexacloud__deployments') }}

),

deployment_lists as (

    select
        'nexacloud:' || external_subscription_id as subscription_id,
        array_agg(deployment_id order by created_at, deployment_id) as deployment_ids,
        string_agg(deployment_name, ', ' order by created_at, deployment_id) as deployment_names
    from deployments
    group by external_subscription_id

),

first_starts as (

    select
        subscription_id,
        min(held_from) as held_from,
        bool_or(
            started_at is not null and not {{ is_possible_start('started_at') }} and is_newest
        ) as has_impossible_start
    from versions
    group by subscription_id

),

-- The newest version of each; the time in which it is held begins with its first stint.
final as (

    select
        versions.service,
        versions.external_subscription_id,
        versions.subscription_id,
        versions.external_customer_id,
        versions.order_partner_id,
        versions.plan_id,
        plans.plan_code,
        plans.plan_name,
        versions.subscription_status as status,
        versions.is_deleted,
        first_starts.held_from,
        versions.held_until,
        versions.trial_ends_at,
        first_starts.held_from as anchor_at,
        plans.billing_interval,
        coalesce(versions.currency, plans.currency) as currency,
        deployment_lists.deployment_ids,
        deployment_lists.deployment_names,
        versions.known_from as changed_at,
        case
            when versions.started_at is null then 'no_start'
            when first_starts.has_impossible_start then 'impossible_start'
            when plans.plan_code is null then 'unknown_plan'
            when plans.month_count is null then 'unknown_interval'
        end as problem
    from versions
    inner join first_starts on versions.subscription_id = first_starts.subscription_id
    left join plans on versions.plan_id = plans.plan_id
    left join deployment_lists on versions.subscription_id = deployment_lists.subscription_id
    where versions.is_newest

)

select * from final
