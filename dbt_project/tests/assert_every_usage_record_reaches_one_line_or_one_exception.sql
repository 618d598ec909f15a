-- A record that silently reaches no invoice is revenue lost, one that reaches two is a customer
-- lost. Every step must hand on as many records as it was given: source -> left out or slices -> lines and
-- exceptions.
with events as (

    select count(*) as records
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

left_out as (

    select count(*) as records
    from {{ ref('int_usage_left_out') }}

),

slices as (

    select coalesce(sum(record_count), 0) as counted
    from {{ ref('int_usage_by_slice') }}

),

-- Two charges on one metric are two lines with the same records: those count once.
in_lines as (

    select
        subscription_id,
        metric,
        sum(record_count) as records
    from (
        select distinct
            subscription_id,
            metric,
            period_type,
            segment_start,
            record_count
        from {{ ref('int_rated_lines') }}
        where kind = 'usage'
    ) as segments
    group by subscription_id, metric

),

in_gaps as (

    select
        subscription_id,
        metric,
        count(*) as records
    from {{ ref('int_usage_gaps') }}
    group by subscription_id, metric

),

by_subscription as (

    select
        subscription_id,
        metric,
        sum(record_count) as records
    from {{ ref('int_usage_by_slice') }}
    group by subscription_id, metric

),

lost as (

    select
        subscription_id,
        metric,
        sum(records) as missing_records
    from (
        select
            subscription_id,
            metric,
            records
        from by_subscription
        union all
        select
            subscription_id,
            metric,
            -records
        from in_lines
        union all
        select
            subscription_id,
            metric,
            -records
        from in_gaps
    ) as flows
    group by subscription_id, metric
    having sum(records) is distinct from 0

)

select
    'source, left out and slices differ' as law,
    null as subscription_id,
    null as metric,
    events.records - left_out.records - slices.counted as missing_records
from events
cross join left_out
cross join slices
where events.records is distinct from left_out.records + slices.counted
union all
select
    'slices differ from lines and exceptions' as law,
    subscription_id,
    metric,
    missing_records
from lost
