{{ config(indexes=[{'columns': ['subscription_id']}], post_hook='analyze {{ this }}') }}

with periods as (

    select * from {{ ref('int_readiness_periods') }}

),

reconciliation_causes as (

    select * from {{ ref('fct_reconciliation_causes') }}

),

known_acceptances as (

    select * from {{ ref('int_known_acceptances') }}

),

final as (

    {{ judged_periods('periods', 'reconciliation_causes', 'known_acceptances') }}

)

select * from final
order by subscription_id, period_end
