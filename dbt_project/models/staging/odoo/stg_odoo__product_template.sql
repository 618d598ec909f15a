with source as (

    select * from {{ source('raw_odoo', 'product_template') }}

),

final as (

    select
        id as product_template_id,
        name as product_name,
        default_code as product_code,
        type as product_type,
        active as is_active,
        sale_ok as is_saleable,
        list_price,
        taxes_id as tax_ids,
        company_id,
        create_date as created_at,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
