{{ config(materialized='view') }}

with live_rollups as (

    select * from {{ ref('stg_odoo__fusion_billing_usage') }}

),

deleted_rollups as (

    select * from {{ ref('stg_odoo__fusion_billing_usage_deleted') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

billing_metrics as (

    select * from {{ ref('stg_odoo__fusion_billing_metric') }}

),

rollups as (

    select
        billing_usage_id,
        billing_service_id,
        external_subscription_id,
        billing_metric_id,
        period_start,
        quantity,
        idempotency_key,
        updated_at,
        loaded_at,
        null::timestamptz as deleted_at
    from live_rollups
    union all
    select
        billing_usage_id,
        billing_service_id,
        external_subscription_id,
        billing_metric_id,
        period_start,
        quantity,
        idempotency_key,
        updated_at,
        loaded_at,
        deleted_at
    from deleted_rollups

),

-- NexaCloud's own database is its source; what it also pushed to Odoo would count twice.
final as (

    select
        'odoo' as usage_source,
        rollups.billing_usage_id as written_number,
        billing_services.service,
        billing_services.service || ':' || coalesce(rollups.external_subscription_id, '')
            as subscription_id,
        coalesce(billing_metrics.metric, '') as metric,
        rollups.quantity,
        rollups.period_start as event_at,
        rollups.idempotency_key,
        rollups.updated_at as written_at,
        rollups.loaded_at,
        rollups.deleted_at
    from rollups
    inner join billing_services
        on rollups.billing_service_id = billing_services.billing_service_id
    left join billing_metrics
        on rollups.billing_metric_id = billing_metrics.billing_metric_id
    where billing_services.service <> 'nexacloud'

)

select * from final
