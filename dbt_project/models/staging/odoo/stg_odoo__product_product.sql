with source as (

    select * from {{ source('raw_odoo', 'product_product') }}

),

final as (

    select
        id as product_id,
        product_tmpl_id as product_template_id,
        default_code as product_code,
        active as is_active,
        taxes_id as tax_ids,
        create_date as created_at,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
