{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        unlogged=true,
        pre_hook="{{ with_working_memory() }}",
        post_hook="{{ analyze_keys('subscription_id, metric, slice_on, is_counted, was_counted') }}"
    )
}}

{%- set ledger = ledger_to_add_to() if execute -%}

with events as (

    select * from {{ ref('int_usage_events') }}

),

{% if ledger -%}
arrived as (

    select *
    from events
    where {{ newer_than_rollup() }}

),

-- Each is looked up by its key, whatever the planner thinks of sizes: `offset 0` keeps it from
-- reading all of the ledger for a night's worth of it.
earlier_versions as (

    select held.*
    from arrived
    cross join lateral (
        select *
        from {{ ledger }} as ledger
        where
            arrived.written_number = ledger.written_number
            and arrived.usage_source = ledger.usage_source
        offset 0  -- noqa: AM09
    ) as held

),

-- A new record can put an old one out, and an edit can leave its key: all records of every key that
-- is touched are judged again, so that the order of arrival decides nothing.
touched_keys as (

    select key_hash
    from (
        select key_hash
        from arrived
        union
        select key_hash
        from earlier_versions
    ) as keys
    order by key_hash

),

known as (

    select held.*
    from touched_keys
    cross join lateral (
        select *
        from {{ ledger }} as ledger
        where touched_keys.key_hash = ledger.key_hash
        offset 0  -- noqa: AM09
    ) as held
    left join arrived
        on held.written_number = arrived.written_number and held.usage_source = arrived.usage_source
    where arrived.written_number is null

),

held as (

    select * from earlier_versions
    union all
    select * from known

),

candidates as (

    select {{ usage_columns() }}
    from arrived
    union all
    select {{ usage_columns() }}
    from known

),

judged as (

    select
        *,
        {{ kept_number('candidates') }} as kept_number
    from candidates

),

verdicts as (

    select
        {{ usage_columns() }},
        {{ usage_verdict() }}
    from judged

),

-- Only what the ledger does not say already, beside what it says of it so far: a note of the slices in
-- which a record counts from now on or counted so far. It stays until those are summed.
final as (

    select
        verdicts.*,
        held.is_counted as was_counted,
        held.subscription_id as former_subscription_id,
        held.metric as former_metric,
        held.slice_on as former_slice_on,
        {% if is_incremental() -%}
            (select coalesce(max(notes.note_number), 0) + 1 from {{ this }} as notes)
        {%- else -%}
            1
        {%- endif %} as note_number
    from verdicts
    left join held
        on
            verdicts.written_number = held.written_number
            and verdicts.usage_source = held.usage_source
    where
        held.written_number is null
        or verdicts.loaded_at is distinct from held.loaded_at
        or verdicts.is_counted is distinct from held.is_counted
        or verdicts.duplicate_of_number is distinct from held.duplicate_of_number

)
{%- else -%}
-- From nothing, the ledger takes the events themselves.
final as (

    select
        {{ usage_columns() }},
        null::boolean as is_counted,
        null::text as left_out_reason,
        null::bigint as duplicate_of_number,
        null::boolean as was_counted,
        null::text as former_subscription_id,
        null::text as former_metric,
        null::date as former_slice_on,
        null::integer as note_number
    from events
    where false

)
{%- endif %}

select * from final
