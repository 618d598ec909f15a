{{ config(materialized='view') }}

-- Usage by local day beside the quota: read from the records when it is asked for, a subscription's by
-- their index: a filter on the subscription reaches them through every partition below.
with pieces as (

    select *
    from {{ ref('int_segment_pieces') }}
    where period_type in ('all', 'usage')

),

charges as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'usage'

),

services as (

    select * from {{ ref('int_services') }}

),

events as not materialized (

    select *
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

left_out as not materialized (

    select * from {{ ref('int_usage_left_out') }}

),

windows as not materialized (

    select
        subscription_id,
        segment_start,
        piece_start as window_start,
        piece_end as window_end
    from pieces

),

found as (

    {{ usage_within('windows', ['subscription_id', 'segment_start', 'window_end']) }}

),

records as (

    select
        charges.service,
        charges.subscription_id,
        charges.external_subscription_id,
        charges.external_customer_id,
        charges.plan_code,
        charges.service_period_start as period_start,
        charges.service_period_end as period_end,
        charges.segment_start,
        charges.charge,
        charges.metric,
        charges.aggregation,
        charges.included_quantity as prorated_included_quantity,
        {{ local_date('found.event_at', 'services.timezone') }} as usage_on,
        found.event_at,
        found.written_at,
        found.written_number,
        found.quantity,
        found.unique_value,
        -- A thing that is counted once counts on its first day.
        case
            when found.unique_value is not null
                then (
                    row_number() over (
                        partition by
                            charges.subscription_id, charges.segment_start, charges.charge,
                            found.unique_value
                        order by found.event_at, found.written_number
                    ) = 1
                )::integer
        end as first_seen
    from found
    inner join charges
        on
            found.window_subscription_id = charges.subscription_id
            and found.window_segment_start = charges.segment_start
            and found.metric = charges.metric
    inner join services on charges.service = services.service
    where found.left_out_reason is null and found.event_at < found.window_end

),

days as (

    select
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        plan_code,
        period_start,
        period_end,
        segment_start,
        charge,
        metric,
        aggregation,
        prorated_included_quantity as included_quantity,
        usage_on,
        count(*)::integer as record_count,
        case aggregation
            when 'sum' then sum(quantity)
            when 'count' then count(*)
            when 'max' then max(quantity)
            when 'unique' then coalesce(sum(first_seen), 0)
            else
                (array_agg(
                    quantity
                    order by event_at desc, written_at desc nulls last, written_number desc nulls last
                ))[1]
        end as used_quantity
    from records
    group by
        service, subscription_id, external_subscription_id, external_customer_id, plan_code,
        period_start, period_end, segment_start, charge, metric, aggregation,
        prorated_included_quantity, usage_on

),

running as (

    select
        *,
        case aggregation
            when 'max' then max(used_quantity) over until_day
            when 'last' then used_quantity
            else sum(used_quantity) over until_day
        end as running_quantity
    from days
    window until_day as (
        partition by subscription_id, segment_start, charge
        order by usage_on
    )

),

billable as (

    select
        *,
        greatest(running_quantity - included_quantity, 0) as billable_quantity
    from running

),

final as (

    select
        service,
        external_customer_id,
        subscription_id,
        external_subscription_id,
        plan_code,
        charge,
        metric,
        period_start,
        period_end,
        segment_start,
        usage_on,
        record_count,
        used_quantity,
        running_quantity,
        included_quantity,
        billable_quantity,
        billable_quantity - coalesce(
            lag(billable_quantity) over (
                partition by subscription_id, segment_start, charge
                order by usage_on
            ), 0
        ) as billable_on_day_quantity
    from billable

)

select * from final
