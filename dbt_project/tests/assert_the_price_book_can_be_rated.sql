-- A graduated charge without tiers rates to nothing, a package without a size stops the night, of two
-- prices at once rating takes one. `billing check` names the line of the file; this holds dbt by hand.
-- It reads seeds and staging alone, so that nothing is rated by a book that it refuses.
with charges as (

    select
        charges.*,
        coalesce(charges.charge, charges.metric, 'base') as charge_name,
        coalesce(charges.charge_model = 'one_off', false) as is_one_off,
        models.reads_unit_price,
        models.reads_package_size,
        models.reads_rate_percent,
        models.reads_tiers
    from {{ ref('charges') }} as charges
    left join {{ ref('charge_models') }} as models
        on coalesce(charges.charge_model, 'per_unit') = models.charge_model

),

tiers as (

    select
        *,
        count(*) filter (where tier_to is null) over by_charge as open_tiers,
        lag(tier_to) over (
            partition by service, plan_code, charge, valid_from order by tier_to
        ) as tier_before
    from {{ ref('charge_tiers') }}
    window by_charge as (partition by service, plan_code, charge, valid_from)

),

plans as (

    select
        'nexacloud' as service,
        plan_code
    from {{ ref('stg_snapshots__nexacloud_plans') }}
    union
    select
        billing_services.service,
        billing_charges.plan_code
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }} as billing_charges
    inner join {{ ref('stg_odoo__fusion_billing_service') }} as billing_services
        on billing_charges.billing_service_id = billing_services.billing_service_id
    where billing_charges.is_current
    union
    select
        services.service,
        subscription_plans.subscription_plan_name as plan_code
    from {{ ref('services') }} as services
    cross join {{ ref('stg_snapshots__odoo_sale_subscription_plan') }} as subscription_plans
    where subscription_plans.is_current

),

metrics as (

    select
        service,
        metric
    from {{ ref('metrics') }}
    union
    select
        services.service,
        billing_metrics.metric
    from {{ ref('services') }} as services
    cross join {{ ref('stg_snapshots__odoo_fusion_billing_metric') }} as billing_metrics
    where billing_metrics.is_current

),

currencies as (

    select currency_code
    from {{ ref('stg_odoo__res_currency') }}

),

judged_charges as (

    select
        service,
        plan_code,
        charge_name,
        valid_from,
        problem
    from charges
    cross join lateral (
        values
        (metric is null and base_fee is null, 'neither base_fee nor metric'),
        (is_one_off and metric is not null, 'a metric on a one_off'),
        (is_one_off and base_fee is null, 'no base_fee'),
        (
            charge_name = 'base' and (metric is not null or is_one_off),
            'the name of the fee of each period'
        ),
        (metric is not null and reads_unit_price and unit_price is null, 'no unit_price'),
        (reads_package_size and coalesce(package_size, 0) <= 0, 'no package_size'),
        (reads_rate_percent and rate_percent is null, 'no rate_percent'),
        (minimum > maximum, 'minimum above maximum'),
        (valid_from >= valid_to, 'valid_to is not after valid_from'),
        (
            reads_tiers and not exists (
                select 1
                from tiers
                where
                    tiers.service = charges.service
                    and tiers.plan_code = charges.plan_code
                    and tiers.charge = charges.charge_name
                    and tiers.valid_from is not distinct from charges.valid_from
            ),
            'no tiers'
        ),
        (
            metric is not null and not exists (
                select 1
                from metrics
                where metrics.service = charges.service and metrics.metric = charges.metric
            ),
            'unknown metric'
        ),
        (
            exists (select 1 from plans) and not exists (
                select 1
                from plans
                where plans.service = charges.service and plans.plan_code = charges.plan_code
            ),
            'unknown plan'
        ),
        (
            exists (select 1 from currencies) and not exists (
                select 1
                from currencies
                where currencies.currency_code = upper(charges.currency)
            ),
            'unknown currency'
        )
    ) as judgements (is_wrong, problem)
    where is_wrong

),

judged_tiers as (

    select
        service,
        plan_code,
        charge as charge_name,
        valid_from,
        problem
    from tiers
    cross join lateral (
        values
        (unit_price is null and flat_fee is null, 'a tier without a price'),
        (open_tiers <> 1, open_tiers || ' open tiers: the last one alone is open'),
        (tier_to <= coalesce(tier_before, 0), 'tiers that do not rise'),
        (
            not exists (
                select 1
                from charges
                where
                    tiers.service = charges.service
                    and tiers.plan_code = charges.plan_code
                    and tiers.charge = charges.charge_name
                    and tiers.valid_from is not distinct from charges.valid_from
                    and charges.reads_tiers
            ),
            'a tier of a charge that reads none'
        )
    ) as judgements (is_wrong, problem)
    where is_wrong

),

-- A row may hold a fee and a charge on usage, and neither needs a name: two prices of what it makes.
priced as (

    select
        row_number() over () as price_number,
        service,
        plan_code,
        valid_from,
        coalesce(valid_from, '-infinity') as first_day,
        coalesce(valid_to, 'infinity') as end_day,
        names.charge_name
    from charges
    cross join lateral (
        values
        (case when base_fee is not null and metric is null then charges.charge_name end),
        (case when base_fee is not null and metric is not null then 'base' end),
        (case when metric is not null then charges.charge_name end)
    ) as names (charge_name)
    where names.charge_name is not null

),

at_once as (

    select
        later.service,
        later.plan_code,
        later.charge_name,
        later.valid_from,
        'two prices at once' as problem
    from priced as earlier
    inner join priced as later
        on
            earlier.service = later.service
            and earlier.plan_code = later.plan_code
            and earlier.charge_name = later.charge_name
            and earlier.price_number < later.price_number
            and earlier.first_day < later.end_day
            and later.first_day < earlier.end_day

)

select * from judged_charges
union all
select * from judged_tiers
union all
select * from at_once
