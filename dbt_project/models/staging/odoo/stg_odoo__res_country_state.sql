with source as (

    select * from {{ source('raw_odoo', 'res_country_state') }}

),

final as (

    select
        id as state_id,
        code as state_code,
        name as state_name,
        country_id
    from source
    where _deleted_at is null

)

select * from final
