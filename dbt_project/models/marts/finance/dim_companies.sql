with companies as (

    select * from {{ ref('stg_odoo__res_company') }}

),

-- Odoo rounds the tax of a whole document where a company does not say otherwise.
final as (

    select
        company_id,
        company_name,
        coalesce(tax_rounding_method, 'round_globally') as tax_rounding_method
    from companies

)

select * from final
