with source as (

    select * from {{ source('raw_odoo', 'account_tax') }}

),

final as (

    select
        id as tax_id,
        name as tax_name,
        amount as rate_percent,
        amount_type,
        type_tax_use as tax_use,
        price_include_override,
        include_base_amount as is_base_of_later_taxes,
        is_base_affected,
        sequence,
        active as is_active,
        company_id,
        country_id,
        tax_group_id,
        children_tax_ids as child_tax_ids,
        fiscal_position_ids,
        original_tax_ids as replaced_tax_ids,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
