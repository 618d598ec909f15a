with source as (

    select * from {{ source('raw_odoo', 'account_fiscal_position') }}

),

final as (

    select
        id as fiscal_position_id,
        name as fiscal_position_name,
        sequence,
        active as is_active,
        auto_apply as is_auto_applied,
        vat_required as is_vat_required,
        country_id,
        country_group_id,
        state_ids,
        zip_from as postal_code_from,
        zip_to as postal_code_to,
        tax_ids as destination_tax_ids,
        company_id,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
