{{ config(materialized='view') }}

with freshly_accepted as (

    select * from {{ ref('int_freshly_accepted') }}

),

periods as (

    select readiness_periods.*
    from {{ ref('int_readiness_periods') }} as readiness_periods
    inner join freshly_accepted
        on readiness_periods.subscription_id = freshly_accepted.subscription_id

),

reconciliation_causes as (

    select reconciliation_causes.*
    from {{ ref('fct_reconciliation_causes') }} as reconciliation_causes
    inner join freshly_accepted
        on reconciliation_causes.subscription_id = freshly_accepted.subscription_id

),

acceptances as (

    select * from {{ ref('stg_ops__cause_acceptances') }}

),

final as (

    {{ judged_periods('periods', 'reconciliation_causes', 'acceptances') }}

)

select * from final
