{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['written_number', 'usage_source'],
        on_schema_change='fail',
        pre_hook="{{ with_working_memory() }}",
        post_hook=[
            "delete from {{ this }} where left_out_reason is null",
            "{{ analyze_keys('written_number, usage_source, key_hash, left_out_reason') }}",
        ],
        indexes=[
            {'columns': ['written_number', 'usage_source'], 'unique': true},
            {'columns': ['key_hash']},
            {'columns': ['left_out_reason']},
        ]
    )
}}

with events as not materialized (

    select *
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

changes as (

    select * from {{ ref('stg_snapshots__nexacloud_usage_record_changes') }}

),

{% if is_incremental() -%}
    arrived as materialized (

        select
            written_number,
            key_hash
        from events
        where {{ usage_has_arrived() }}

    ),

    -- A new record can put an old one out, and an edit can leave its key: all records of every key
    -- that is touched are judged again, so that the order of arrival decides nothing.
    touched_keys as (

        select key_hash
        from arrived
        where key_hash is not null
        union
        select changes.key_hash
        from changes
        inner join arrived on changes.usage_record_id = arrived.written_number
        where changes.key_hash is not null

    ),

    -- The few that Odoo holds are judged each night: other tables say what they are of.
    candidates as (

        select *
        from events
        where
            usage_source = 'nexacloud'
            and key_hash = any(array(select touched_keys.key_hash from touched_keys))
        union all
        select *
        from events
        where {{ usage_has_arrived() }} and key_hash is null
        union all
        select *
        from events
        where usage_source <> 'nexacloud'

    ),
{%- else -%}
    -- Nearly every key comes once: the hashes alone say which do not.
    repeated_keys as (

        select key_hash
        from events
        where key_hash is not null
        group by key_hash
        having count(*) > 1

    ),

    candidates as (

        select *
        from events
        where
            deleted_at is not null
            or key_hash in (select repeated_keys.key_hash from repeated_keys)

    ),
{%- endif %}

judged as (

    select
        *,
        {{ kept_number() }} as kept_number
    from candidates

),

left_out as (

    select
        usage_source,
        written_number,
        subscription_id,
        metric,
        quantity,
        event_at,
        loaded_at,
        key_hash,
        case when deleted_at is not null then 'withdrawn' else 'duplicate' end as left_out_reason,
        case when deleted_at is null then kept_number end as duplicate_of_number
    from judged
    where deleted_at is not null or written_number <> kept_number

),

{% if is_incremental() -%}
    -- What counts from now on: without a reason, and deleted at the end.
    no_longer as (

        select held.*
        from {{ this }} as held
        left join left_out
            on
                held.written_number = left_out.written_number
                and held.usage_source = left_out.usage_source
        where
            left_out.written_number is null
            and (
                held.usage_source <> 'nexacloud'
                or held.key_hash in (select touched_keys.key_hash from touched_keys)
                or held.written_number in (select arrived.written_number from arrived)
            )

    ),
{%- endif %}

final as (

    select * from left_out
    {% if is_incremental() -%}
        union all
        select
            usage_source,
            written_number,
            subscription_id,
            metric,
            quantity,
            event_at,
            loaded_at,
            key_hash,
            null as left_out_reason,
            duplicate_of_number
        from no_longer
    {%- endif %}

)

select * from final
