{{ config(materialized='view') }}

with nexacloud_usage as (

    select * from {{ ref('stg_nexacloud__usage_records') }}

),

odoo_usage as (

    select * from {{ ref('stg_odoo__fusion_billing_usage') }}

),

deleted_odoo_usage as (

    select * from {{ ref('stg_odoo__fusion_billing_usage_deleted') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

billing_metrics as (

    select * from {{ ref('stg_odoo__fusion_billing_metric') }}

),

-- An event's time is the start of its window: a window that ends at a boundary lies before it.
nexacloud_events as (

    select
        'nexacloud' as usage_source,
        'nexacloud' as service,
        'nexacloud:' || usage_record_id as usage_key,
        'nexacloud:' || coalesce(external_subscription_id, '') as subscription_id,
        metric,
        quantity,
        window_start as event_at,
        idempotency_key,
        created_at as written_at,
        usage_record_id as written_number,
        loaded_at,
        deleted_at
    from nexacloud_usage

),

odoo_rollups as (

    select
        billing_usage_id, billing_service_id, external_subscription_id, billing_metric_id,
        period_start, quantity, idempotency_key, updated_at, loaded_at,
        null::timestamptz as deleted_at
    from odoo_usage
    union all
    select
        billing_usage_id, billing_service_id, external_subscription_id, billing_metric_id,
        period_start, quantity, idempotency_key, updated_at, loaded_at,
        deleted_at
    from deleted_odoo_usage

),

odoo_events as (

    select
        'odoo' as usage_source,
        billing_services.service,
        'odoo:' || odoo_rollups.billing_usage_id as usage_key,
        billing_services.service || ':' || coalesce(odoo_rollups.external_subscription_id, '')
            as subscription_id,
        billing_metrics.metric,
        odoo_rollups.quantity,
        odoo_rollups.period_start as event_at,
        odoo_rollups.idempotency_key,
        odoo_rollups.updated_at as written_at,
        odoo_rollups.billing_usage_id as written_number,
        odoo_rollups.loaded_at,
        odoo_rollups.deleted_at
    from odoo_rollups
    inner join billing_services
        on odoo_rollups.billing_service_id = billing_services.billing_service_id
    left join billing_metrics
        on odoo_rollups.billing_metric_id = billing_metrics.billing_metric_id
    -- NexaCloud's own database is its source; what it also pushed to Odoo would count twice.
    where billing_services.service <> 'nexacloud'

),

events as (

    select * from nexacloud_events
    union all
    select * from odoo_events

),

-- 128 bits stand for (subscription, metric, idempotency key); a record without a key repeats none.
final as (

    select
        *,
        md5(
            subscription_id || '|' || coalesce(metric, '') || '|'
            || coalesce('key ' || idempotency_key, usage_key)
        )::uuid as dedupe_key
    from events

)

select * from final
