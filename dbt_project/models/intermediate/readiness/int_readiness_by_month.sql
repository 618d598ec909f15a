with history as (

    select * from {{ ref('int_readiness_history') }}

),

final as (

    {{ agreement_by_month('history') }}

)

select * from final
