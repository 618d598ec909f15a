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
        tolerance::numeric(18, 4) as tolerance_amount,
        webhook_enabled as is_webhook_enabled,
        webhook_url_name,
        webhook_secret_name
    from services

)

select * from final
