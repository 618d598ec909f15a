with charge_versions as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}
    where not is_deleted or version_number = 1

),

flat_prices as (

    select * from {{ ref('int_odoo_flat_prices') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

billing_metrics as (

    select * from {{ ref('stg_odoo__fusion_billing_metric') }}

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

subscription_versions as (

    select * from {{ ref('int_subscription_versions') }}

),

plan_versions as (

    select * from {{ ref('int_plan_versions') }}

),

-- An order that names no plan was made for the plan that was held when its price was written; one
-- that names a code, for the plans that ever had it.
planned as (

    select
        flat_prices.*,
        versions.plan_id
    from flat_prices
    inner join subscription_versions as versions
        on
            flat_prices.subscription_id = versions.subscription_id
            and flat_prices.valid_from >= versions.valid_from
            and flat_prices.valid_from < versions.valid_until
    where flat_prices.plan_code is null
    union all
    select distinct
        flat_prices.*,
        plan_versions.plan_id
    from flat_prices
    inner join plan_versions on flat_prices.plan_code = plan_versions.plan_code

),

-- Of each plan the first price reaches back: an order often follows the switch by some days.
own_prices as (

    select
        planned.service,
        planned.plan_id,
        plan_versions.plan_code,
        planned.subscription_id,
        'base' as charge,
        'base' as charge_kind,
        null::text as metric,
        'flat' as charge_model,
        planned.currency,
        planned.flat_price as base_fee,
        null::numeric as unit_price,
        0::numeric as included_quantity,
        {{ reaching_back('planned.subscription_id, planned.plan_id', 'planned.valid_from') }}
            as valid_from,
        planned.valid_until,
        planned.valid_from as known_from
    from planned
    inner join plan_versions
        on planned.plan_id = plan_versions.plan_id and plan_versions.valid_until = 'infinity'

),

dated_charges as (

    select
        *,
        {{ reaching_back('billing_charge_id', 'valid_from') }} as counts_from,
        lead(valid_from) over (
            partition by billing_charge_id
            order by version_number
        ) as replaced_at
    from charge_versions

),

usage_prices as (

    select
        billing_services.service,
        null::text as plan_id,
        charges.plan_code,
        null::text as subscription_id,
        billing_metrics.metric as charge,
        'usage' as charge_kind,
        billing_metrics.metric,
        'per_unit' as charge_model,
        upper(currencies.currency_code) as currency,
        null::numeric as base_fee,
        coalesce(charges.unit_price, 0) as unit_price,
        coalesce(charges.included_quantity, 0) as included_quantity,
        charges.counts_from as valid_from,
        charges.replaced_at as valid_until,
        charges.valid_from as known_from
    from dated_charges as charges
    inner join billing_services
        on charges.billing_service_id = billing_services.billing_service_id
    inner join billing_metrics
        on charges.billing_metric_id = billing_metrics.billing_metric_id
    left join currencies on charges.currency_id = currencies.currency_id
    where coalesce(charges.is_active, true) and charges.plan_code is not null

),

final as (

    select * from own_prices
    union all
    select * from usage_prices

)

select * from final
