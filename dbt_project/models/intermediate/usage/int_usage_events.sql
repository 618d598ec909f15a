{{ config(materialized='view') }}

with nexacloud_usage as (

    select * from {{ ref('stg_nexacloud__usage_records') }}

),

services as (

    select * from {{ ref('int_services') }}

),

dated_policies as (

    select * from {{ ref('int_service_policies') }}

),

metrics as (

    select * from {{ ref('int_metric_versions') }}

),

rollups as (

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

-- Where a service's own database is its source, what it also pushed to Odoo would count twice.
odoo_events as (

    select
        'odoo' as usage_source,
        rollups.billing_usage_id as written_number,
        billing_services.service,
        billing_services.service || ':' || coalesce(rollups.external_subscription_id, '')
            as subscription_id,
        coalesce(rollups.external_subscription_id, '') as external_subscription_id,
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
    where
        billing_services.service not in (
            'nexacloud'{% for service in usage_databases() %}, '{{ service }}'{% endfor %}
        )

),

other_events as (

    select * from odoo_events
    {%- for service in usage_databases() %}
    union all
    select
        '{{ service }}' as usage_source,
        usage_record_id as written_number,
        '{{ service }}' as service,
        '{{ service }}:' || coalesce(external_subscription_id, '') as subscription_id,
        coalesce(external_subscription_id, '') as external_subscription_id,
        coalesce(metric, '') as metric,
        quantity,
        window_start as event_at,
        idempotency_key,
        created_at as written_at,
        loaded_at,
        deleted_at
    from {{ ref('stg_' ~ service ~ '__usage_records') }}
    {%- endfor %}

),

-- The days of events of which the last record of a key counts; a metric that was ever a unique count
-- keeps what it counts.
policies as (

    select
        services.service,
        coalesce(services.timezone, 'UTC') as timezone,
        coalesce((
            select range_agg(daterange(dated_policies.valid_from, dated_policies.valid_until))
            from dated_policies
            where
                services.service = dated_policies.service
                and dated_policies.duplicate_policy = 'last'
        ), '{}') as last_kept_on,
        array(
            select distinct metrics.metric
            from metrics
            where services.service = metrics.service and metrics.aggregation = 'unique'
        ) as unique_metrics
    from services

),

-- One row, also where services.csv does not know it. Asked once a query, not once a record.
nexacloud_policy as (

    select
        coalesce(max(timezone), 'UTC') as timezone,
        coalesce(range_agg(last_kept_on), '{}') as last_kept_on,
        coalesce(min(unique_metrics), '{}') as unique_metrics
    from policies
    where service = 'nexacloud'

),

-- An event's time is the start of its window: a window that ends at a boundary lies before it.
located as (

    select
        'nexacloud' as usage_source,
        nexacloud_usage.usage_record_id as written_number,
        'nexacloud' as service,
        'nexacloud:' || coalesce(nexacloud_usage.external_subscription_id, '') as subscription_id,
        coalesce(nexacloud_usage.external_subscription_id, '') as external_subscription_id,
        coalesce(nexacloud_usage.metric, '') as metric,
        nexacloud_usage.quantity,
        nexacloud_usage.window_start as event_at,
        coalesce(nexacloud_usage.window_start, 'epoch') as placed_at,
        nexacloud_usage.idempotency_key,
        nexacloud_usage.key_hash,
        nexacloud_usage.created_at as written_at,
        nexacloud_usage.loaded_at,
        nexacloud_usage.deleted_at,
        (select last_kept_on from nexacloud_policy) as last_kept_on,
        (select unique_metrics from nexacloud_policy) as unique_metrics,
        {{ local_date(
            "coalesce(nexacloud_usage.window_start, 'epoch')",
            '(select timezone from nexacloud_policy)'
        ) }} as event_on
    from nexacloud_usage
    union all
    select
        other_events.usage_source,
        other_events.written_number,
        other_events.service,
        other_events.subscription_id,
        other_events.external_subscription_id,
        other_events.metric,
        other_events.quantity,
        other_events.event_at,
        coalesce(other_events.event_at, 'epoch') as placed_at,
        other_events.idempotency_key,
        hashtextextended(
            other_events.idempotency_key,
            hashtextextended(
                other_events.metric, hashtextextended(other_events.subscription_id, 0)
            )
        ) as key_hash,
        other_events.written_at,
        other_events.loaded_at,
        other_events.deleted_at,
        coalesce(policies.last_kept_on, '{}') as last_kept_on,
        coalesce(policies.unique_metrics, '{}') as unique_metrics,
        {{ local_date(
            "coalesce(other_events.event_at, 'epoch')", "coalesce(policies.timezone, 'UTC')"
        ) }} as event_on
    from other_events
    left join policies on other_events.service = policies.service

),

-- A unique count counts the key up to its first #, so that one thing may report often. Slices of eight
-- days begin on the 1st, 9th, 17th and 25th of the local month: none lies across the end of one.
final as (

    select
        usage_source,
        written_number,
        service,
        subscription_id,
        external_subscription_id,
        metric,
        quantity,
        event_at,
        placed_at,
        idempotency_key,
        key_hash,
        written_at,
        loaded_at,
        deleted_at,
        event_on <@ last_kept_on as is_last_kept,
        event_on - (date_part('day', event_on)::int - 1) % 8 as slice_on,
        case
            when metric = any(unique_metrics)
                then split_part(coalesce(idempotency_key, written_number::text), '#', 1)
        end as unique_value
    from located

)

select * from final
