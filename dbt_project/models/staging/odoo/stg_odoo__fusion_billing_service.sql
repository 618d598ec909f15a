with source as (

    select * from {{ source('raw_odoo', 'fusion_billing_service') }}

),

final as (

    select
        id as billing_service_id,
        code as service,
        name as service_name,
        active as is_active,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
