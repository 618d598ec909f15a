{{ config(materialized='view') }}

-- Live: these subscriptions are judged anew whenever somebody looks, until the next build.
with acceptances as (

    select * from {{ ref('stg_ops__cause_acceptances') }}

),

known_acceptances as (

    select * from {{ ref('int_known_acceptances') }}

),

final as (

    select distinct
        acceptances.service || ':' || acceptances.external_subscription_id as subscription_id
    from acceptances
    left join known_acceptances on acceptances.acceptance_id = known_acceptances.acceptance_id
    where known_acceptances.acceptance_id is null

)

select * from final
