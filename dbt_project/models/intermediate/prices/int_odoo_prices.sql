with charge_versions as (

    select
        *,
        {{ reaching_back('billing_charge_id') }} as valid_from
    from {{ ref('odoo_charge_history') }}

),

flat_price_versions as (

    select * from {{ ref('odoo_flat_price_history') }}

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

plan_versions as (

    select * from {{ ref('int_subscription_plan_versions') }}

),

-- An order that names no plan was made for the plan that was held when its price was written.
planned_flat_prices as (

    select
        flat_price_versions.service,
        coalesce(flat_price_versions.plan_code, plan_versions.plan_code) as plan_code,
        flat_price_versions.subscription_id,
        flat_price_versions.sale_order_id,
        flat_price_versions.flat_price,
        flat_price_versions.currency,
        flat_price_versions.dbt_valid_from,
        flat_price_versions.dbt_valid_to
    from flat_price_versions
    inner join plan_versions
        on
            flat_price_versions.subscription_id = plan_versions.subscription_id
            and (
                plan_versions.is_first_plan
                or flat_price_versions.dbt_valid_from >= plan_versions.valid_from
            )
            and (
                plan_versions.valid_until is null
                or flat_price_versions.dbt_valid_from < plan_versions.valid_until
            )

),

-- Of each plan the first price reaches back: an order often follows the switch by some days.
flat_prices as (

    select
        service,
        plan_code,
        subscription_id,
        'base' as charge,
        'base' as charge_kind,
        null::text as metric,
        'flat' as charge_model,
        currency,
        flat_price as base_fee,
        null::numeric as unit_price,
        0::numeric as included_quantity,
        {{ reaching_back('sale_order_id, plan_code') }} as valid_from,
        dbt_valid_to as valid_until,
        dbt_valid_from as known_from
    from planned_flat_prices

),

usage_prices as (

    select
        billing_services.service,
        charge_versions.plan_code,
        null::text as subscription_id,
        billing_metrics.metric as charge,
        'usage' as charge_kind,
        billing_metrics.metric,
        'per_unit' as charge_model,
        currencies.currency_code as currency,
        null::numeric as base_fee,
        coalesce(charge_versions.unit_price, 0) as unit_price,
        coalesce(charge_versions.included_quantity, 0) as included_quantity,
        charge_versions.valid_from,
        charge_versions.dbt_valid_to as valid_until,
        charge_versions.dbt_valid_from as known_from
    from charge_versions
    inner join billing_services
        on charge_versions.billing_service_id = billing_services.billing_service_id
    inner join billing_metrics
        on charge_versions.billing_metric_id = billing_metrics.billing_metric_id
    left join currencies on charge_versions.currency_id = currencies.currency_id
    where coalesce(charge_versions.is_active, true) and charge_versions.plan_code is not null

),

final as (

    select * from flat_prices
    union all
    select * from usage_prices

)

select * from final
