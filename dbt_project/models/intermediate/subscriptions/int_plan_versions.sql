-- What a plan was, version by version, kept by its id: a code or a name may be given to another.
with app_plans as (

    select *
    from {{ ref('stg_snapshots__nexacloud_plans') }}
    where not is_deleted or version_number = 1

),

odoo_plans as (

    select
        *,
        case when version_number > 1 then valid_from else '-infinity' end as counts_from,
        lead(valid_from) over (
            partition by subscription_plan_id
            order by version_number
        ) as replaced_at
    from {{ ref('stg_snapshots__odoo_sale_subscription_plan') }}
    where not is_deleted or version_number = 1

),

-- A charge that names the recurring plan says under which code it is sold.
odoo_charges as (

    select
        *,
        case when version_number > 1 then valid_from else '-infinity' end as counts_from,
        lead(valid_from) over (
            partition by billing_charge_id
            order by version_number
        ) as replaced_at
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}
    where not is_deleted or version_number = 1

),

odoo_changes as (

    select
        subscription_plan_id,
        counts_from as changed_at
    from odoo_plans
    union
    select
        subscription_plan_id,
        counts_from as changed_at
    from odoo_charges
    where subscription_plan_id is not null

),

odoo_codes as (

    select distinct on (odoo_changes.subscription_plan_id, odoo_changes.changed_at)
        odoo_changes.subscription_plan_id,
        odoo_changes.changed_at,
        odoo_charges.plan_code
    from odoo_changes
    inner join odoo_charges
        on
            odoo_changes.subscription_plan_id = odoo_charges.subscription_plan_id
            and odoo_changes.changed_at >= odoo_charges.counts_from
            and odoo_changes.changed_at < coalesce(odoo_charges.replaced_at, 'infinity')
    order by
        odoo_changes.subscription_plan_id, odoo_changes.changed_at, odoo_charges.billing_charge_id

),

versions as (

    select
        plan_id,
        plan_code,
        plan_name,
        billing_interval,
        upper(currency) as currency,
        case when version_number > 1 then valid_from else '-infinity' end as valid_from
    from app_plans
    union all
    select
        'odoo:' || odoo_changes.subscription_plan_id as plan_id,
        coalesce(odoo_codes.plan_code, odoo_plans.subscription_plan_name) as plan_code,
        coalesce(odoo_codes.plan_code, odoo_plans.subscription_plan_name) as plan_name,
        odoo_plans.billing_period_value || ' ' || odoo_plans.billing_period_unit
            as billing_interval,
        null::text as currency,
        odoo_changes.changed_at as valid_from
    from odoo_changes
    inner join odoo_plans
        on
            odoo_changes.subscription_plan_id = odoo_plans.subscription_plan_id
            and odoo_changes.changed_at >= odoo_plans.counts_from
            and odoo_changes.changed_at < coalesce(odoo_plans.replaced_at, 'infinity')
    left join odoo_codes
        on
            odoo_changes.subscription_plan_id = odoo_codes.subscription_plan_id
            and odoo_changes.changed_at = odoo_codes.changed_at

),

-- "3 months" as well as a name: a number and the unit that it counts. What is no interval has none.
counted as (

    select
        versions.*,
        coalesce(substring(spelled.spelling from '^[0-9]{1,5}(?= )')::int, 1) as unit_count,
        regexp_replace(regexp_replace(spelled.spelling, '^[0-9]{1,5} ', ''), 's$', '')
            as unit_name
    from versions
    cross join lateral (
        select lower(regexp_replace(trim(versions.billing_interval), '[ _-]+', ' ', 'g'))
            as spelling
    ) as spelled

),

measured as (

    select
        *,
        unit_count * case
            when unit_name in ('month', 'monthly') then 1
            when unit_name in ('quarter', 'quarterly') then 3
            when unit_name in ('half year', 'half yearly', 'semester', 'semiannual') then 6
            when unit_name in ('year', 'yearly', 'annual', 'annually') then 12
            else 0
        end as month_count,
        unit_count * case
            when unit_name in ('day', 'daily') then 1
            when unit_name in ('week', 'weekly') then 7
            else 0
        end as day_count
    from counted

),

final as (

    select
        plan_id,
        plan_code,
        plan_name,
        billing_interval,
        currency,
        case when month_count + day_count > 0 then month_count end as month_count,
        case when month_count + day_count > 0 then day_count end as day_count,
        valid_from,
        coalesce(
            lead(valid_from) over (partition by plan_id order by valid_from), 'infinity'
        ) as valid_until
    from measured

)

select * from final
