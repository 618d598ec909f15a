with source as (

    select * from {{ source('raw_odoo', 'res_company') }}

),

final as (

    select
        id as company_id,
        name as company_name,
        partner_id,
        currency_id,
        account_fiscal_country_id as fiscal_country_id,
        tax_calculation_rounding_method as tax_rounding_method,
        account_sale_tax_id as default_sale_tax_id,
        account_price_include as default_price_include,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
