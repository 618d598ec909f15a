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

services as (

    select * from {{ ref('int_services') }}

),

-- An event's time is the start of its window: a window that ends at a boundary lies before it.
nexacloud_events as (

    select
        'nexacloud' as usage_source,
        usage_record_id as written_number,
        'nexacloud' as service,
        'nexacloud:' || coalesce(external_subscription_id, '') as subscription_id,
        coalesce(metric, '') as metric,
        quantity,
        window_start as event_at,
        idempotency_key,
        created_at as written_at,
        loaded_at,
        deleted_at
    from nexacloud_usage

),

odoo_rollups as (

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
    from odoo_usage
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
    from deleted_odoo_usage

),

odoo_events as (

    select
        'odoo' as usage_source,
        odoo_rollups.billing_usage_id as written_number,
        billing_services.service,
        billing_services.service || ':' || coalesce(odoo_rollups.external_subscription_id, '')
            as subscription_id,
        coalesce(billing_metrics.metric, '') as metric,
        odoo_rollups.quantity,
        odoo_rollups.period_start as event_at,
        odoo_rollups.idempotency_key,
        odoo_rollups.updated_at as written_at,
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

-- A record without a key repeats no other: its own number stands in. Slices of eight days begin on
-- the 1st, 9th, 17th and 25th of the local month, so that none lies across the end of one.
final as (

    select
        events.*,
        local_days.event_on - (extract(day from local_days.event_on)::int - 1) % 8 as slice_on,
        hashtextextended(
            events.subscription_id || '|' || events.metric || '|'
            || coalesce(
                'key ' || events.idempotency_key, events.usage_source || events.written_number
            ),
            0
        ) as dedupe_hash
    from events
    left join services on events.service = services.service
    cross join lateral (
        select {{ local_date(
            "coalesce(events.event_at, 'epoch')", "coalesce(services.timezone, 'UTC')"
        ) }} as event_on
    ) as local_days

)

select * from final
