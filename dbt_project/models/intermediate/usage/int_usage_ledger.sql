{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['written_number', 'usage_source'],
        on_schema_change='fail',
        unlogged=true,
        pre_hook=["{{ with_working_memory() }}", "{{ with_keys_looked_up() }}"],
        post_hook=[
            "{{ summarize_new_blocks() }}",
            "{{ analyze_keys('slice_on, event_at, subscription_id, metric, key_hash, is_counted') }}",
        ],
        indexes=[
            {'columns': ['written_number', 'usage_source'], 'unique': true},
            {'columns': ['key_hash']},
            {'columns': ['event_at'], 'type': 'brin'},
            {'columns': ['slice_on'], 'type': 'brin'},
        ]
    )
}}

-- depends_on: {{ ref('int_usage_arrivals') }}
-- depends_on: {{ ref('int_usage_events') }}
{% if is_incremental() -%}
-- A night that broke may have left notes: of each record the newest counts.
with arrivals as (

    select distinct on (written_number, usage_source) *
    from {{ ref('int_usage_arrivals') }}
    order by written_number, usage_source, note_number desc

),

final as (

    select
        {{ usage_columns() }},
        is_counted,
        left_out_reason,
        duplicate_of_number
    from arrivals
    -- So that each page of the hashes' index is visited once.
    order by key_hash

)
{%- else -%}
with events as not materialized (

    select * from {{ ref('int_usage_events') }}

),

-- Nearly every key comes once. Sorting the hashes alone says which do not, and leaves the records in
-- the order in which they came: so the block ranges of the ledger lie close in time.
repeated_keys as (

    select key_hash
    from events
    group by key_hash
    having count(*) > 1

),

repeated_records as (

    select
        events.usage_source,
        events.written_number,
        {{ kept_number('events') }} as kept_number
    from events
    inner join repeated_keys on events.key_hash = repeated_keys.key_hash

),

judged as (

    select
        events.*,
        coalesce(repeated_records.kept_number, events.written_number) as kept_number
    from events
    left join repeated_records
        on
            events.written_number = repeated_records.written_number
            and events.usage_source = repeated_records.usage_source

),

final as (

    select
        {{ usage_columns() }},
        {{ usage_verdict() }}
    from judged

)
{%- endif %}

select * from final
