{{ config(materialized='view') }}

with settled as (

    select * from {{ ref('int_readiness_history') }}

),

fresh as (

    select * from {{ ref('int_readiness_fresh') }}

),

freshly_accepted as (

    select * from {{ ref('int_freshly_accepted') }}

),

-- As of the last build, but for the subscriptions of which somebody accepted a cause since.
final as (

    select *
    from settled
    where
        not exists (
            select 1
            from freshly_accepted
            where freshly_accepted.subscription_id = settled.subscription_id
        )
    union all
    select * from fresh

)

select * from final
