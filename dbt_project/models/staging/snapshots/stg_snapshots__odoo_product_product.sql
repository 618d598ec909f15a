with source as (

    select * from {{ source('snapshots', 'odoo_product_product') }}

),

final as (

    select
        id as product_id,
        product_tmpl_id as product_template_id,
        default_code as product_code,
        active as is_active,
        taxes_id as tax_ids,
        create_date as created_at,
        write_date as updated_at,
        _version as version_number,
        _seen_at as seen_at,
        _valid_from as valid_from,
        _valid_until as valid_until,
        _is_deleted as is_deleted,
        -- What the source says today; of a row that it deleted, nothing.
        _valid_until is null and not _is_deleted as is_current
    from source

)

select * from final
