with taxes as (

    select * from {{ ref('stg_odoo__account_tax') }}

),

company as (

    select * from {{ ref('stg_odoo__res_company') }}

),

final as (

    select
        taxes.tax_id,
        taxes.tax_name,
        taxes.amount_type,
        taxes.tax_use,
        coalesce(
            nullif(taxes.price_include_override, ''), company.default_price_include,
            'tax_excluded'
        ) = 'tax_included' as is_price_included,
        coalesce(taxes.is_active, false) as is_active,
        taxes.company_id,
        taxes.sequence
    from taxes
    left join company on taxes.company_id = company.company_id

)

select * from final
