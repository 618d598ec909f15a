{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['written_number', 'usage_source'],
        on_schema_change='fail',
        unlogged=true,
        pre_hook="{{ with_working_memory() }}",
        post_hook="analyze {{ this }}",
        indexes=[
            {'columns': ['written_number', 'usage_source'], 'unique': true},
            {'columns': ['dedupe_hash']},
            {'columns': ['event_at'], 'type': 'brin'},
            {'columns': ['slice_on'], 'type': 'brin'},
        ]
    )
}}

-- The slices that this run changes are noted before it does.
-- depends_on: {{ ref('int_usage_touched') }}
with arrived as (

    select
        usage_source,
        written_number,
        subscription_id,
        metric,
        quantity,
        event_at,
        slice_on,
        dedupe_hash,
        unique_value,
        is_last_kept,
        written_at,
        loaded_at,
        deleted_at
    from {{ ref('int_usage_events') }}
    {%- if is_incremental() %}
        where {{ newer_than_rollup() }}
    {%- endif %}

),

{% if is_incremental() -%}
-- A new record can put an old one out, and an edit can leave its key: all records of every key that
-- is touched are judged again, so that the order of arrival decides nothing.
    touched_keys as (

        select dedupe_hash
        from arrived
        union
        select this.dedupe_hash
        from {{ this }} as this
        inner join arrived
            on this.written_number = arrived.written_number and this.usage_source = arrived.usage_source

    ),

    known as (

        select
            this.usage_source,
            this.written_number,
            this.subscription_id,
            this.metric,
            this.quantity,
            this.event_at,
            this.slice_on,
            this.dedupe_hash,
            this.unique_value,
            this.is_last_kept,
            this.written_at,
            this.loaded_at,
            this.deleted_at
        from touched_keys
        inner join {{ this }} as this on touched_keys.dedupe_hash = this.dedupe_hash
        left join arrived
            on this.written_number = arrived.written_number and this.usage_source = arrived.usage_source
        where arrived.written_number is null

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

-- The hash brings records of one key together; subscription and metric beside it leave its accidents
-- no chance. The withdrawn come last, whatever the policy.
judged as (

    select
        *,
        first_value(written_number) over (
            partition by dedupe_hash, subscription_id, metric
            order by
                (deleted_at is not null)::int,
                case when is_last_kept then null else written_at end,
                case when is_last_kept then null else written_number end,
                written_at desc,
                written_number desc
        ) as kept_number
    from candidates

),

final as (

    select
        usage_source,
        written_number,
        subscription_id,
        metric,
        quantity,
        event_at,
        slice_on,
        dedupe_hash,
        unique_value,
        is_last_kept,
        written_at,
        loaded_at,
        deleted_at,
        deleted_at is null and written_number = kept_number as is_counted,
        case
            when deleted_at is not null then 'withdrawn'
            when written_number <> kept_number then 'duplicate'
        end as left_out_reason,
        case when deleted_at is null and written_number <> kept_number then kept_number end
            as duplicate_of_number
    from judged

)

select * from final
