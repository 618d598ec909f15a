with source as (

    select * from {{ source('snapshots', 'odoo_sale_order_line') }}

),

final as (

    select
        id as sale_order_line_id,
        order_id as sale_order_id,
        sequence,
        name as line_description,
        product_id,
        product_uom_qty as quantity,
        price_unit as unit_price,
        discount as discount_percent,
        tax_ids,
        price_subtotal as subtotal_amount,
        display_type,
        state as order_state,
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
