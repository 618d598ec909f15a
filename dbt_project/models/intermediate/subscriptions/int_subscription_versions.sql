with plan_changes as (

    select * from {{ ref('nexacloud_subscription_history') }}

),

plans as (

    select * from {{ ref('stg_nexacloud__plans') }}

),

odoo_changes as (

    select * from {{ ref('odoo_subscription_history') }}

),

nexacloud_versions as (

    select
        'nexacloud:' || plan_changes.external_subscription_id as subscription_id,
        plans.plan_code,
        plans.billing_interval,
        plans.currency,
        plan_changes.subscription_status,
        plan_changes.cancelled_at as ended_at,
        plan_changes.dbt_valid_from as valid_from,
        plan_changes.dbt_valid_to as valid_until
    from plan_changes
    left join plans on plan_changes.plan_id = plans.plan_id

),

-- Odoo keeps no hour of ending: the first sight of the closed state is it.
odoo_versions as (

    select
        subscription_id,
        plan_code,
        billing_interval,
        currency,
        subscription_status,
        case when subscription_status in ('cancelled', 'draft') then dbt_valid_from end as ended_at,
        dbt_valid_from as valid_from,
        dbt_valid_to as valid_until
    from odoo_changes

),

versions as (

    select * from nexacloud_versions
    union all
    select * from odoo_versions

),

final as (

    select
        *,
        row_number() over (partition by subscription_id order by valid_from, valid_until) = 1
            as is_first_version
    from versions
    where valid_until is null or valid_until > valid_from

)

select * from final
