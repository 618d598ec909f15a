{{ config(post_hook="{{ analyze_keys('subscription_id, service') }}") }}

with nexacloud_subscriptions as (

    select * from {{ ref('stg_nexacloud__subscriptions') }}

),

plans as (

    select * from {{ ref('stg_nexacloud__plans') }}

),

deployments as (

    select * from {{ ref('stg_nexacloud__deployments') }}

),

odoo_subscriptions as (

    select * from {{ ref('int_odoo_subscriptions') }}

),

versions as (

    select * from {{ ref('int_subscription_versions') }}

),

intervals as (

    select * from {{ ref('int_billing_intervals') }}

),

deployment_lists as (

    select
        external_subscription_id,
        array_agg(deployment_id order by created_at, deployment_id) as deployment_ids,
        string_agg(deployment_name, ', ' order by created_at, deployment_id) as deployment_names
    from deployments
    group by external_subscription_id

),

odoo_ends as (

    select
        subscription_id,
        max(ended_at) as ended_at
    from versions
    where valid_until is null
    group by subscription_id

),

held as (

    select
        'nexacloud' as service,
        subscriptions.external_subscription_id,
        subscriptions.user_id as external_customer_id,
        null::bigint as order_partner_id,
        plans.plan_code,
        plans.plan_name,
        plans.billing_interval,
        plans.currency,
        subscriptions.subscription_status,
        subscriptions.started_at as held_from,
        subscriptions.cancelled_at as held_until,
        subscriptions.trial_ends_at,
        deployment_lists.deployment_ids,
        deployment_lists.deployment_names
    from nexacloud_subscriptions as subscriptions
    left join plans on subscriptions.plan_id = plans.plan_id
    left join deployment_lists
        on subscriptions.external_subscription_id = deployment_lists.external_subscription_id
    union all
    select
        odoo_subscriptions.service,
        odoo_subscriptions.external_subscription_id,
        odoo_subscriptions.external_customer_id,
        odoo_subscriptions.partner_id as order_partner_id,
        odoo_subscriptions.plan_code,
        odoo_subscriptions.plan_code as plan_name,
        odoo_subscriptions.billing_interval,
        odoo_subscriptions.currency,
        odoo_subscriptions.subscription_status,
        odoo_subscriptions.started_at as held_from,
        odoo_ends.ended_at as held_until,
        null::timestamptz as trial_ends_at,
        null::text[] as deployment_ids,
        null::text as deployment_names
    from odoo_subscriptions
    left join odoo_ends on odoo_subscriptions.subscription_id = odoo_ends.subscription_id

),

final as (

    select
        held.service,
        held.external_subscription_id,
        held.service || ':' || held.external_subscription_id as subscription_id,
        held.external_customer_id,
        held.order_partner_id,
        held.plan_code,
        held.plan_name,
        held.subscription_status as status,
        held.held_from,
        held.held_until,
        held.trial_ends_at,
        held.held_from as anchor_at,
        held.billing_interval,
        held.currency,
        held.deployment_ids,
        held.deployment_names,
        case
            when held.held_from is null then 'no_start'
            when held.plan_code is null then 'unknown_plan'
            when intervals.billing_interval is null then 'unknown_interval'
        end as problem
    from held
    left join intervals on held.billing_interval = intervals.billing_interval

)

select * from final
