{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        unlogged=true,
        pre_hook=["{{ with_working_memory() }}", "{{ forget_touched_slices() }}"],
        post_hook=["delete from {{ ref('int_usage_arrivals') }}", "{{ analyze_keys('subscription_id, metric, slice_on, first_event_at, last_event_at') }}"]
    )
}}

-- depends_on: {{ ref('int_usage_arrivals') }}
with ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where is_counted

),

metrics as (

    select * from {{ ref('int_metric_versions') }}

),

{% if is_incremental() -%}
    touched as not materialized (

        {{ touched_slices() }}

    ),

    -- The few block ranges of the touched days (`offset 0`: looked up day by day), not all of it.
    records as not materialized (

        select *
        from (select distinct slice_on as touched_on from touched) as touched_days
        cross join lateral (
            select *
            from ledger
            where touched_days.touched_on = ledger.slice_on
            offset 0  -- noqa: AM09
        ) as of_day
        where exists (
            select 1
            from touched
            where
                of_day.subscription_id = touched.subscription_id
                and of_day.metric = touched.metric
                and of_day.slice_on = touched.slice_on
        )

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

-- Where no metric asks for the last value, the records are not read for it.
last_records as (

    select distinct on (subscription_id, metric, slice_on)
        subscription_id,
        metric,
        slice_on,
        quantity as last_quantity
    from records
    where
        exists (select 1 from metrics where metrics.aggregation = 'last')
        and records.metric = any(
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
