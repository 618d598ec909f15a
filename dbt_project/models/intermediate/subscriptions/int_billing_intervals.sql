with plans as (

    select billing_interval
    from {{ ref('stg_nexacloud__plans') }}

),

odoo_plans as (

    select billing_period_value || ' ' || billing_period_unit as billing_interval
    from {{ ref('stg_odoo__sale_subscription_plan') }}

),

spellings as (

    select distinct
        billing_interval,
        lower(regexp_replace(trim(billing_interval), '[ _-]+', ' ', 'g')) as spelling
    from (
        select billing_interval
        from plans
        union all
        select billing_interval
        from odoo_plans
    ) as intervals
    where billing_interval is not null

),

-- "3 months" as well as a name: a number and the unit that it counts.
counted as (

    select
        billing_interval,
        coalesce(substring(spelling from '^[0-9]+')::int, 1) as unit_count,
        regexp_replace(regexp_replace(spelling, '^[0-9]+ ', ''), 's$', '') as unit_name
    from spellings

),

final as (

    select
        billing_interval,
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

)

select *
from final
where month_count + day_count > 0
