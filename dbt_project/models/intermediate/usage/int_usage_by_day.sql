{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='bucket_key',
        on_schema_change='fail',
        indexes=[{'columns': ['bucket_key']}],
        post_hook="delete from {{ ref('int_usage_touched') }}"
    )
}}

-- depends_on: {{ ref('int_usage_touched') }}
with ledger as (

    select
        *,
        (event_at at time zone 'UTC')::date as usage_on
    from {{ ref('int_usage_ledger') }}

),

last_metrics as (

    select distinct metric
    from {{ ref('int_metrics') }}
    where aggregation = 'last'

),

{% if is_incremental() -%}
touched as (

    select distinct * from {{ ref('int_usage_touched') }}

),

touched_days as (

    select distinct usage_on::timestamp at time zone 'UTC' as day_start
    from touched

),

records as (

    select ledger.*
    from touched_days
    inner join ledger
        on
            ledger.event_at >= touched_days.day_start
            and ledger.event_at < touched_days.day_start + interval '24 hours'
    inner join touched
        on
            ledger.subscription_id = touched.subscription_id
            and ledger.metric is not distinct from touched.metric
            and ledger.usage_on = touched.usage_on

),
{%- else -%}
records as (

    select * from ledger

),
{%- endif %}

days as (

    select
        usage_source,
        subscription_id,
        metric,
        usage_on,
        unique_value,
        count(*) filter (where is_counted) as record_count,
        count(*) filter (where not is_counted) as left_out_count,
        coalesce(sum(quantity) filter (where is_counted), 0) as summed_quantity,
        max(quantity) filter (where is_counted) as largest_quantity,
        min(event_at) filter (where is_counted) as first_event_at,
        max(event_at) filter (where is_counted) as last_event_at,
        max(loaded_at) as loaded_at
    from records
    group by usage_source, subscription_id, metric, usage_on, unique_value

),

last_records as (

    select distinct on (records.subscription_id, records.metric, records.usage_on)
        records.subscription_id,
        records.metric,
        records.usage_on,
        records.quantity as last_quantity
    from records
    inner join last_metrics on records.metric = last_metrics.metric
    where records.is_counted
    order by
        records.subscription_id, records.metric, records.usage_on,
        records.event_at desc, records.written_at desc, records.written_number desc

),

final as (

    select
        md5(
            days.subscription_id || '|' || coalesce(days.metric, '') || '|' || days.usage_on
        )::uuid as bucket_key,
        days.*,
        last_records.last_quantity
    from days
    left join last_records
        on
            days.subscription_id = last_records.subscription_id
            and days.metric = last_records.metric
            and days.usage_on = last_records.usage_on

)

select * from final
