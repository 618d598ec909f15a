{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['subscription_id', 'metric', 'slice_on'],
        on_schema_change='fail',
        pre_hook="{{ with_working_memory() }}",
        post_hook=[
            "delete from {{ this }} where record_count = 0",
            "{{ analyze_keys('subscription_id, metric, slice_on, first_event_at, last_event_at') }}",
        ],
        indexes=[{'columns': ['subscription_id', 'metric', 'slice_on']}]
    )
}}

with events as not materialized (

    select *
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

left_out as not materialized (

    select * from {{ ref('int_usage_left_out') }}

),

changes as (

    select * from {{ ref('stg_snapshots__nexacloud_usage_record_changes') }}

),

metrics as (

    select * from {{ ref('int_metric_versions') }}

),

{% if is_incremental() -%}
    arrived as materialized (

        select
            written_number,
            key_hash,
            subscription_id,
            metric,
            slice_on
        from events
        where {{ usage_has_arrived() }}

    ),

    former as (

        select changes.*
        from changes
        where changes.usage_record_id in (select arrived.written_number from arrived)

    ),

    -- Where an arrival decides over another record: it was or is left out, or it left its key.
    shared_keys as (

        select left_out.key_hash
        from left_out
        inner join arrived on left_out.key_hash = arrived.key_hash
        union
        select key_hash
        from former
        where key_hash is not null

    ),

    -- Where a record counts from now on, and where it counted so far. A former time lies in one of
    -- the slices that begin up to eight days before it, whatever the zone.
    touched as (

        select
            subscription_id,
            metric,
            slice_on
        from arrived
        union
        select
            subscription_id,
            metric,
            slice_on
        from events
        where
            usage_source = 'nexacloud'
            and key_hash = any(array(select shared_keys.key_hash from shared_keys))
        union
        select
            held.subscription_id,
            held.metric,
            held.slice_on
        from {{ this }} as held
        inner join former
            on
                held.subscription_id = 'nexacloud:' || coalesce(former.external_subscription_id, '')
                and held.metric = coalesce(former.metric, '')
                and held.slice_on between
                (coalesce(former.window_start, 'epoch') at time zone 'UTC')::date - 9
                and (coalesce(former.window_start, 'epoch') at time zone 'UTC')::date + 1

    ),

    -- From the earliest midnight on earth to the latest.
    windows as (

        select
            subscription_id,
            slice_on,
            array_agg(metric) as metrics,
            slice_on::timestamp at time zone 'UTC' - interval '14 hours' as window_start,
            (slice_on + 8)::timestamp at time zone 'UTC' + interval '12 hours' as window_end
        from touched
        group by subscription_id, slice_on

    ),

    found as (

        {{ usage_within('windows', ['slice_on', 'metrics']) }}

    ),

    -- The few that Odoo holds are summed each night: other tables say what they are of.
    records as not materialized (

        select
            usage_source,
            written_number,
            subscription_id,
            metric,
            quantity,
            event_at,
            slice_on,
            unique_value,
            written_at,
            loaded_at
        from found
        where
            left_out_reason is null
            and slice_on = window_slice_on
            and metric = any(window_metrics)
        union all
        select
            events.usage_source,
            events.written_number,
            events.subscription_id,
            events.metric,
            events.quantity,
            events.event_at,
            events.slice_on,
            events.unique_value,
            events.written_at,
            events.loaded_at
        from events
        left join left_out
            on
                events.written_number = left_out.written_number
                and events.usage_source = left_out.usage_source
        where events.usage_source <> 'nexacloud' and left_out.written_number is null

    ),
{%- else -%}
    records as not materialized (

        select events.*
        from events
        left join left_out
            on
                events.written_number = left_out.written_number
                and events.usage_source = left_out.usage_source
        where left_out.written_number is null

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

-- Where no metric asks for single records, they are not read for it.
ordered_records as (

    select
        subscription_id,
        metric,
        slice_on,
        quantity,
        lead(written_number) over by_time is null as is_last,
        {{ seconds_between('event_at', 'lead(event_at) over by_time') }} as seconds_held,
        metric = any(
            array(select metrics.metric from metrics where metrics.aggregation = 'percentile_95')
        ) as is_percentile
    from records
    where
        exists (select 1 from metrics where {{ is_of_single_records('metrics.aggregation') }})
        and records.metric = any(array(
            select metrics.metric
            from metrics
            where {{ is_of_single_records('metrics.aggregation') }}
        ))
    window by_time as (
        partition by subscription_id, metric, slice_on
        order by event_at, written_at, written_number
    )

),

-- A reading of a gauge holds until the next one; within the slice here, beyond it where it is used.
single_records as (

    select
        subscription_id,
        metric,
        slice_on,
        max(quantity) filter (where is_last) as last_quantity,
        sum(quantity * seconds_held) as weighted_seconds,
        array_agg(quantity order by quantity desc nulls last) filter (where is_percentile) as quantities
    from ordered_records
    group by subscription_id, metric, slice_on

),

final as (

    select
        slices.*,
        single_records.last_quantity,
        single_records.weighted_seconds,
        single_records.quantities
    from slices
    left join single_records
        on
            slices.subscription_id = single_records.subscription_id
            and slices.metric = single_records.metric
            and slices.slice_on = single_records.slice_on
    {% if is_incremental() -%}
        union all
        -- Where no record is left: deleted at the end.
        select
            held.subscription_id,
            held.metric,
            held.slice_on,
            held.unique_value,
            0 as record_count,
            null as summed_quantity,
            null as largest_quantity,
            null as first_event_at,
            null as last_event_at,
            null as loaded_at,
            null as last_quantity,
            null as weighted_seconds,
            null as quantities
        from {{ this }} as held
        left join touched
            on
                held.subscription_id = touched.subscription_id
                and held.metric = touched.metric
                and held.slice_on = touched.slice_on
        where
            touched.subscription_id is not null
            or not starts_with(held.subscription_id, 'nexacloud:')
    {%- endif %}

)

select * from final
