with services as (

    select * from {{ ref('int_services') }}

),

final as (

    select
        service,
        webhook_enabled as is_enabled,
        webhook_url_name as url_name,
        webhook_secret_name as secret_name
    from services

)

select
    service,
    is_enabled,
    url_name,
    secret_name
from final
