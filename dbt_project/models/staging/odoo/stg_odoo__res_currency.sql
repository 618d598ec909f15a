with source as (

    select * from {{ source('raw_odoo', 'res_currency') }}

),

final as (

    select
        id as currency_id,
        upper(name) as currency_code,
        decimal_places,
        rounding as rounding_unit,
        active as is_active,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
