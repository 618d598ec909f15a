{{ config(post_hook='analyze {{ this }}') }}

with products as (

    select * from {{ ref('stg_snapshots__odoo_product_product') }}

),

price_book as (

    select * from {{ ref('charges') }}

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

-- Every code that a plan ever had: what was held under a former one needs its product as before.
plans as (

    select plan_code
    from {{ ref('stg_snapshots__nexacloud_plans') }}

),

odoo_charges as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}
    where is_current

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
candidates as (

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

),

-- The first load, but for what was already gone when its history began: that was seen as it went.
first_load as (

    select min(seen_at) as seen_at
    from products
    where valid_until is null or valid_until > seen_at + interval '1 second'

),

-- What the first load found has always been there; a product that came later counts from then on.
dated_products as (

    select
        products.product_id,
        products.product_code,
        coalesce(products.is_active, true) and not products.is_deleted as is_active,
        case
            when products.version_number = 1 and products.seen_at <= first_load.seen_at
                then '-infinity'
            else products.valid_from
        end as valid_from,
        products.valid_until
    from products
    cross join first_load

),

carriers as (

    select *
    from dated_products
    where is_active and product_code is not null

),

-- A code that two active products carry names neither of them.
changes as (

    select
        product_code,
        '-infinity'::timestamptz as valid_from
    from candidates
    union
    select
        carriers.product_code,
        change.changed_at as valid_from
    from carriers
    cross join lateral (values (carriers.valid_from), (carriers.valid_until)) as change (changed_at)
    where change.changed_at is not null

),

code_spans as (

    select
        *,
        lead(valid_from) over (partition by product_code order by valid_from) as valid_until
    from changes

),

products_by_code as (

    select
        code_spans.product_code,
        code_spans.valid_from,
        code_spans.valid_until,
        min(carriers.product_id) as product_id
    from code_spans
    inner join carriers
        on
            code_spans.product_code = carriers.product_code
            and {{ in_force_at('carriers', 'code_spans.valid_from') }}
    group by code_spans.product_code, code_spans.valid_from, code_spans.valid_until
    having count(*) = 1

),

charge_spans as (

    select
        *,
        lead(valid_from) over (
            partition by service, plan_code, charge order by valid_from
        ) as valid_until
    from (
        select distinct
            candidates.service,
            candidates.plan_code,
            candidates.charge,
            code_spans.valid_from
        from candidates
        inner join code_spans on candidates.product_code = code_spans.product_code
    ) as charge_changes

),

ranked as (

    select distinct on (
        charge_spans.service, charge_spans.plan_code, charge_spans.charge, charge_spans.valid_from
    )
        charge_spans.service,
        charge_spans.plan_code,
        charge_spans.charge,
        charge_spans.valid_from,
        charge_spans.valid_until,
        candidates.product_code,
        products_by_code.product_id
    from charge_spans
    inner join candidates
        on
            charge_spans.service = candidates.service
            and charge_spans.plan_code = candidates.plan_code
            and charge_spans.charge = candidates.charge
    left join products_by_code
        on
            candidates.product_code = products_by_code.product_code
            and {{ in_force_at('products_by_code', 'charge_spans.valid_from') }}
    order by
        charge_spans.service, charge_spans.plan_code, charge_spans.charge,
        charge_spans.valid_from, (products_by_code.product_id is null)::int,
        candidates.candidate_rank

),

preferred as (

    select *
    from candidates
    where candidate_rank = 1

),

-- A time in which no product was found says nothing: one that was entered later counts for it too.
final as (

    select
        ranked.service,
        ranked.plan_code,
        ranked.charge,
        coalesce(
            lag(ranked.valid_until) over (
                partition by ranked.service, ranked.plan_code, ranked.charge
                order by ranked.valid_from
            ), '-infinity'
        ) as valid_from,
        ranked.valid_until,
        ranked.product_code,
        ranked.product_id,
        preferred.product_code as preferred_code
    from ranked
    inner join preferred
        on
            ranked.service = preferred.service
            and ranked.plan_code = preferred.plan_code
            and ranked.charge = preferred.charge
    where ranked.product_id is not null or ranked.valid_until is null

)

select * from final
