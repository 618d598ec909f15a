{{ config(post_hook='analyze {{ this }}') }}

-- What the apps pushed to Odoo about usage that we read at its source. A rollup that was pushed
-- twice under one key counts once, as it would in billing.
with odoo_usage as (

    select * from {{ ref('stg_odoo__fusion_billing_usage') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

billing_metrics as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_metric') }}
    where is_current

),

rollups as (

    select distinct on (
        billing_services.service, odoo_usage.external_subscription_id, billing_metrics.metric,
        coalesce(odoo_usage.idempotency_key, odoo_usage.billing_usage_id::text)
    )
        billing_services.service,
        odoo_usage.external_subscription_id,
        billing_metrics.metric,
        odoo_usage.period_start,
        odoo_usage.period_end,
        odoo_usage.quantity
    from odoo_usage
    inner join billing_services
        on odoo_usage.billing_service_id = billing_services.billing_service_id
    inner join billing_metrics
        on odoo_usage.billing_metric_id = billing_metrics.billing_metric_id
    where
        billing_services.service = 'nexacloud'
        and odoo_usage.external_subscription_id is not null
    order by
        billing_services.service, odoo_usage.external_subscription_id, billing_metrics.metric,
        coalesce(odoo_usage.idempotency_key, odoo_usage.billing_usage_id::text),
        odoo_usage.billing_usage_id

),

final as (

    select
        service || ':' || external_subscription_id as subscription_id,
        service,
        external_subscription_id,
        metric,
        period_start,
        period_end,
        sum(quantity) as pushed_quantity
    from rollups
    group by service, external_subscription_id, metric, period_start, period_end

)

select * from final
