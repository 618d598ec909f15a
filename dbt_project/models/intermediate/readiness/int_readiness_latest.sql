{{ config(indexes=[{'columns': ['subscription_id']}], post_hook='analyze {{ this }}') }}

with history as (

    select * from {{ ref('int_readiness_history') }}

),

final as (

    {{ latest_compared('history') }}

)

select * from final
