{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        unlogged=true
    )
}}

{%- set ledger = held_before('int_usage_ledger') if execute and is_incremental() -%}

with events as (

    select * from {{ ref('int_usage_events') }}

),

{% if ledger -%}
arrived as (

    select *
    from events
    where {{ newer_than_rollup() }}

),

earlier_versions as (

    select ledger.*
    from arrived
    inner join {{ ledger }} as ledger
        on
            arrived.written_number = ledger.written_number
            and arrived.usage_source = ledger.usage_source

),

-- An edit leaves its key and its slice; what shared the key before or shares it now is judged again.
touched_keys as (

    select dedupe_hash
    from arrived
    union
    select dedupe_hash
    from earlier_versions

),

records as (

    select subscription_id, metric, slice_on
    from arrived
    union all
    select ledger.subscription_id, ledger.metric, ledger.slice_on
    from touched_keys
    inner join {{ ledger }} as ledger on touched_keys.dedupe_hash = ledger.dedupe_hash

),
{%- else -%}
-- From nothing, all slices are summed anyway.
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
        slice_on
    from records

)

select * from final
