-- A document carries the taxes of the customer's place, mapped from the company's default sale tax.
-- A product with other taxes of its own (exempt, zero-rated, none) would be taxed wrongly that way.
with products as (

    select *
    from {{ ref('stg_snapshots__odoo_product_product') }}
    where is_current

),

taxes as (

    select *
    from {{ ref('stg_odoo__account_tax') }}
    where tax_use = 'sale' and company_id = {{ var('odoo_company_id', 1) }}

),

company as (

    select *
    from {{ ref('stg_odoo__res_company') }}
    where company_id = {{ var('odoo_company_id', 1) }}

),

own_taxes as (

    select
        products.product_id,
        products.product_code,
        array_agg(taxes.tax_id order by taxes.tax_id) filter (where taxes.tax_id is not null)
            as tax_ids
    from products
    left join taxes on taxes.tax_id = any(products.tax_ids)
    where coalesce(products.is_active, true)
    group by products.product_id, products.product_code

),

final as (

    select
        own_taxes.product_id,
        own_taxes.product_code,
        coalesce(own_taxes.tax_ids, '{}'::bigint[]) as tax_ids
    from own_taxes
    cross join company
    where own_taxes.tax_ids is distinct from array[company.default_sale_tax_id]

)

select * from final
