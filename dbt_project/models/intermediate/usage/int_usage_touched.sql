{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

{%- set ledger = ledger_as_it_was() if execute and is_incremental() -%}

with events as (

    select * from {{ ref('int_usage_events') }}

),

{% if ledger -%}
arrived as (

    select *
    from events
    where {{ newer_than(ledger) }}

),

earlier_versions as (

    select ledger.*
    from arrived
    inner join {{ ledger }} as ledger on arrived.usage_key = ledger.usage_key

),

-- An edit leaves its key and its day; what shared the key before or shares it now is judged again.
touched_keys as (

    select dedupe_key
    from arrived
    union
    select dedupe_key
    from earlier_versions

),

records as (

    select subscription_id, metric, event_at
    from arrived
    union all
    select ledger.subscription_id, ledger.metric, ledger.event_at
    from touched_keys
    inner join {{ ledger }} as ledger on touched_keys.dedupe_key = ledger.dedupe_key

),
{%- else -%}
-- From nothing, all days are summed anyway.
records as (

    select *
    from events
    where false

),
{%- endif %}

final as (

    select distinct
        subscription_id,
        metric,
        (event_at at time zone 'UTC')::date as usage_on
    from records

)

select * from final
