{{ config(materialized='view') }}

with settled as (

    select * from {{ ref('int_readiness_by_month') }}

),

freshly_accepted as (

    select * from {{ ref('int_freshly_accepted') }}

),

fresh as (

    select * from {{ ref('int_readiness_fresh') }}

),

overtaken as (

    select history.*
    from {{ ref('int_readiness_history') }} as history
    inner join freshly_accepted on history.subscription_id = freshly_accepted.subscription_id

),

fresh_by_month as (

    {{ agreement_by_month('fresh') }}

),

overtaken_by_month as (

    {{ agreement_by_month('overtaken') }}

),

-- Of the subscriptions with a fresh acceptance the old counts go and the new ones come.
signed as (

    select
        settled.*,
        1 as sign
    from settled
    union all
    select
        fresh_by_month.*,
        1 as sign
    from fresh_by_month
    union all
    select
        overtaken_by_month.*,
        -1 as sign
    from overtaken_by_month

),

final as (

    select
        service,
        period_month,
        sum(sign * subscription_count)::integer as subscription_count,
        sum(sign * agreeing_count)::integer as agreeing_count,
        sum(sign * missing_actual_count)::integer as missing_actual_count,
        sum(sign * disagreeing_count)::integer as disagreeing_count
    from signed
    group by service, period_month
    having sum(sign * subscription_count) > 0

)

select * from final
