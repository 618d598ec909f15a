{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        unlogged=true,
        pre_hook=["{{ with_working_memory() }}", "{{ forget_touched_slices() }}"],
        post_hook=["delete from {{ ref('int_usage_touched') }}", "analyze {{ this }}"]
    )
}}

-- depends_on: {{ ref('int_usage_touched') }}
with ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where is_counted

),

metrics as (

    select * from {{ ref('int_metrics') }}

),

{% if is_incremental() -%}
    touched as (

        select distinct * from {{ ref('int_usage_touched') }}

    ),

    -- Not materialized: both readers below push their own conditions into it.
    records as not materialized (

        select ledger.*
        from (select distinct slice_on from touched) as touched_slices
        inner join ledger on touched_slices.slice_on = ledger.slice_on
        inner join touched
            on
                ledger.subscription_id = touched.subscription_id
                and ledger.metric = touched.metric
                and ledger.slice_on = touched.slice_on

    ),
{%- else -%}
    records as not materialized (

        select * from ledger

    ),
{%- endif %}

slices as (

    select
        subscription_id,
        metric,
        slice_on,
        unique_value,
        count(*) as record_count,
        sum(quantity) as summed_quantity,
        max(quantity) as largest_quantity,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
        max(loaded_at) as loaded_at
    from records
    group by subscription_id, metric, slice_on, unique_value

),

last_records as (

    select distinct on (subscription_id, metric, slice_on)
        subscription_id,
        metric,
        slice_on,
        quantity as last_quantity
    from records
    where
        records.metric = any(
            array(select metrics.metric from metrics where metrics.aggregation = 'last')
        )
    order by
        subscription_id asc, metric asc, slice_on asc,
        event_at desc, written_at desc, written_number desc

),

final as (

    select
        slices.*,
        last_records.last_quantity
    from slices
    left join last_records
        on
            slices.subscription_id = last_records.subscription_id
            and slices.metric = last_records.metric
            and slices.slice_on = last_records.slice_on

)

select * from final
