{{ config(materialized='view') }}

with gaps as (

    select * from {{ ref('int_usage_gaps') }}

),

left_out as (

    select * from {{ ref('int_usage_left_out') }}

),

rejected_rows as (

    select *
    from {{ ref('stg_ops__rejected_rows') }}
    where resolved_at is null and table_name in ('usage_records', 'fusion_billing_usage')

),

unrated as (

    select
        usage_source,
        usage_key,
        service,
        subscription_id,
        external_subscription_id,
        metric,
        quantity,
        event_at,
        loaded_at as seen_at,
        reason,
        null::text as duplicate_of,
        null::text as detail
    from gaps

),

not_counted as (

    select
        usage_source,
        usage_source || ':' || written_number as usage_key,
        split_part(subscription_id, ':', 1) as service,
        subscription_id,
        substring(subscription_id from position(':' in subscription_id) + 1)
            as external_subscription_id,
        metric,
        quantity,
        event_at,
        loaded_at as seen_at,
        left_out_reason as reason,
        usage_source || ':' || duplicate_of_number as duplicate_of,
        null::text as detail
    from left_out

),

-- A rejected row never reached the raw table; what it said is kept as it came.
rejected as (

    select
        source as usage_source,
        source || ':' || row_key as usage_key,
        case when source = 'nexacloud' then 'nexacloud' end as service,
        case when source = 'nexacloud' then 'nexacloud:' || (rejected_row ->> 'subscription_id') end
            as subscription_id,
        rejected_row ->> 'subscription_id' as external_subscription_id,
        rejected_row ->> 'metric' as metric,
        null::numeric as quantity,
        null::timestamptz as event_at,
        last_rejected_at as seen_at,
        'rejected' as reason,
        null::text as duplicate_of,
        reason as detail
    from rejected_rows

),

combined as (

    select * from unrated
    union all
    select * from not_counted
    union all
    select * from rejected

),

final as (

    select
        usage_key,
        usage_source,
        service,
        subscription_id,
        external_subscription_id,
        metric,
        quantity,
        event_at,
        reason,
        case
            when reason in ('duplicate', 'withdrawn') then 'info'
            when reason in ('no_price', 'in_the_future') then 'warning'
            else 'error'
        end as severity,
        duplicate_of,
        detail,
        seen_at
    from combined

)

select * from final
