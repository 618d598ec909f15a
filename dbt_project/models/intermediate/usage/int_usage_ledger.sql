{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key='usage_key',
        on_schema_change='fail',
        indexes=[
            {'columns': ['usage_key'], 'unique': true},
            {'columns': ['dedupe_key']},
            {'columns': ['event_at']},
            {'columns': ['usage_source', 'loaded_at']},
        ]
    )
}}

-- The days that this run changes are noted before it does.
-- depends_on: {{ ref('int_usage_touched') }}
with events as (

    select *
    from {{ ref('int_usage_events') }}
    {%- if is_incremental() %}
    where {{ newer_than(this) }}
    {%- endif %}

),

services as (

    select * from {{ ref('int_services') }}

),

unique_metrics as (

    select *
    from {{ ref('int_metrics') }}
    where aggregation = 'unique'

),

arrived as (

    select
        events.usage_key,
        events.usage_source,
        events.subscription_id,
        events.metric,
        events.quantity,
        events.event_at,
        events.dedupe_key,
        -- What a unique count counts: the key up to its first #, so that one thing may report often.
        case
            when unique_metrics.metric is not null
                then split_part(coalesce(events.idempotency_key, events.usage_key), '#', 1)
        end as unique_value,
        coalesce(services.duplicate_policy, 'first') = 'last' as is_last_kept,
        events.written_at,
        events.written_number,
        events.loaded_at,
        events.deleted_at
    from events
    left join services on events.service = services.service
    left join unique_metrics
        on events.service = unique_metrics.service and events.metric = unique_metrics.metric

),

{% if is_incremental() -%}
-- A new record can put an old one out, or an edit can leave a key: all records of every key that is
-- touched are judged again, so that the order of arrival decides nothing.
touched_keys as (

    select dedupe_key
    from arrived
    union
    select this.dedupe_key
    from {{ this }} as this
    inner join arrived on this.usage_key = arrived.usage_key

),

known as (

    select
        this.usage_key,
        this.usage_source,
        this.subscription_id,
        this.metric,
        this.quantity,
        this.event_at,
        this.dedupe_key,
        this.unique_value,
        this.is_last_kept,
        this.written_at,
        this.written_number,
        this.loaded_at,
        this.deleted_at
    from {{ this }} as this
    inner join touched_keys on this.dedupe_key = touched_keys.dedupe_key
    left join arrived on this.usage_key = arrived.usage_key
    where arrived.usage_key is null

),

candidates as (

    select * from arrived
    union all
    select * from known

),
{%- else -%}
candidates as (

    select * from arrived

),
{%- endif %}

judged as (

    select
        *,
        first_value(usage_key) over (
            partition by dedupe_key
            order by
                (deleted_at is not null)::int,
                case when is_last_kept then null else written_at end,
                case when is_last_kept then null else written_number end,
                written_at desc,
                written_number desc
        ) as kept_usage_key
    from candidates

),

final as (

    select
        usage_key,
        usage_source,
        subscription_id,
        metric,
        quantity,
        event_at,
        dedupe_key,
        unique_value,
        is_last_kept,
        written_at,
        written_number,
        loaded_at,
        deleted_at,
        deleted_at is null and usage_key = kept_usage_key as is_counted,
        case
            when deleted_at is not null then 'withdrawn'
            when usage_key <> kept_usage_key then 'duplicate'
        end as left_out_reason,
        case
            when deleted_at is null and usage_key <> kept_usage_key then kept_usage_key
        end as duplicate_of
    from judged

)

select * from final
