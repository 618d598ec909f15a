-- Every code that a plan ever had: what was held under a former one needs its product as before.
with plans as (

    select plan_code
    from {{ ref('stg_snapshots__nexacloud_plans') }}

),

price_book as (

    select * from {{ ref('charges') }}

),

odoo_charges as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}
    where is_current

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

metrics as (

    select * from {{ ref('metrics') }}

),

services as (

    select * from {{ ref('services') }}

),

patterns as (

    select * from {{ ref('product_map') }}

),

service_plans as (

    select
        'nexacloud' as service,
        plan_code
    from plans
    union
    select
        service,
        plan_code
    from price_book
    union
    select
        billing_services.service,
        odoo_charges.plan_code
    from odoo_charges
    inner join billing_services
        on odoo_charges.billing_service_id = billing_services.billing_service_id

),

charge_names as (

    select
        services.service,
        generic.charge
    from services
    cross join (values ('base'), ('minimum'), ('maximum')) as generic (charge)
    union
    select
        service,
        metric as charge
    from metrics
    union
    select
        service,
        charge
    from price_book
    where charge is not null

),

-- The closest pattern first: its own plan before any plan, its own charge before any charge,
-- and of equals the one that the seed lists first.
final as (

    select
        service_plans.service,
        service_plans.plan_code,
        charge_names.charge,
        replace(
            replace(patterns.product_code, '{plan_code}', service_plans.plan_code),
            '{charge}', charge_names.charge
        ) as product_code,
        row_number() over (
            partition by service_plans.service, service_plans.plan_code, charge_names.charge
            order by
                (patterns.service = '*')::int, (patterns.plan_code = '*')::int,
                (patterns.charge = '*')::int, patterns.pattern_order
        ) as candidate_rank
    from service_plans
    inner join charge_names on service_plans.service = charge_names.service
    inner join patterns
        on
            patterns.service in (service_plans.service, '*')
            and patterns.plan_code in (service_plans.plan_code, '*')
            and patterns.charge in (charge_names.charge, '*')
    where service_plans.plan_code is not null

)

select * from final
