{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        unlogged=true,
        post_hook="{{ analyze_keys('subscription_id, metric, slice_on') }}"
    )
}}

with arrivals as (

    select * from {{ ref('int_usage_arrivals') }}

),

-- Where a record counts from now on, and where it counted so far. Others change no sum.
final as (

    select
        subscription_id,
        metric,
        slice_on
    from arrivals
    where is_counted
    union
    select
        former_subscription_id as subscription_id,
        former_metric as metric,
        former_slice_on as slice_on
    from arrivals
    where was_counted

)

select * from final
