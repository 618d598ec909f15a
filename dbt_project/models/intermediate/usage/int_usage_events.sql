{{ config(materialized='view') }}

with nexacloud_usage as (

    select * from {{ ref('stg_nexacloud__usage_records') }}

),

odoo_events as (

    select * from {{ ref('int_odoo_usage_events') }}

),

services as (

    select * from {{ ref('int_services') }}

),

unique_metrics as (

    select *
    from {{ ref('int_metrics') }}
    where aggregation = 'unique'

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

events as (

    select * from nexacloud_events
    union all
    select * from odoo_events

),

located as (

    select
        events.*,
        coalesce(services.duplicate_policy, 'first') = 'last' as is_last_kept,
        {{ local_date(
            "coalesce(events.event_at, 'epoch')", "coalesce(services.timezone, 'UTC')"
        ) }} as event_on
    from events
    left join services on events.service = services.service

),

-- A record without a key repeats no other: its own number stands in. A unique count counts the key
-- up to its first #, so that one thing may report often. Slices of eight days begin on the 1st, 9th,
-- 17th and 25th of the local month, so that none lies across the end of one.
final as (

    select
        located.usage_source,
        located.written_number,
        located.service,
        located.subscription_id,
        located.metric,
        located.quantity,
        located.event_at,
        located.idempotency_key,
        located.written_at,
        located.loaded_at,
        located.deleted_at,
        located.is_last_kept,
        located.event_on - (extract(day from located.event_on)::int - 1) % 8 as slice_on,
        case
            when unique_metrics.metric is not null
                then split_part(
                    coalesce(located.idempotency_key, located.written_number::text), '#', 1
                )
        end as unique_value,
        hashtextextended(
            located.subscription_id || '|' || located.metric || '|'
            || coalesce(
                'key ' || located.idempotency_key, located.usage_source || located.written_number
            ),
            0
        ) as dedupe_hash
    from located
    left join unique_metrics
        on located.service = unique_metrics.service and located.metric = unique_metrics.metric

)

select * from final
