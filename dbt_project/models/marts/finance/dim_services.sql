{{ config(materialized='view') }}

with services as (

    select * from {{ ref('int_services') }}

),

final as (

    select
        service,
        timezone,
        period_rule,
        proration,
        tolerance::numeric(18, 4) as tolerance_amount
    from services

)

select * from final
