with source as (

    select * from {{ source('raw_odoo', 'res_country') }}

),

final as (

    select
        id as country_id,
        code as country_code,
        name as country_name
    from source
    where _deleted_at is null

)

select * from final
