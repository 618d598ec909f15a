{{ config(post_hook='analyze {{ this }}') }}

with positions_of_partners as (

    select * from {{ ref('int_partner_fiscal_positions') }}

),

positions as (

    select * from {{ ref('stg_odoo__account_fiscal_position') }}

),

company as (

    select *
    from {{ ref('stg_odoo__res_company') }}
    where company_id = {{ var('odoo_company_id', 1) }}

),

taxes as (

    select * from {{ ref('stg_odoo__account_tax') }}

),

source_taxes as (

    select
        positions_of_partners.partner_id,
        positions_of_partners.fiscal_position_id,
        coalesce(positions.destination_tax_ids, '{}'::bigint[]) as destination_tax_ids,
        company.default_sale_tax_id as source_tax_id,
        company.default_price_include
    from positions_of_partners
    left join positions
        on positions_of_partners.fiscal_position_id = positions.fiscal_position_id
    left join company on true

),

-- Each source tax becomes every tax of the position that says it replaces it, else stays;
-- a position that lists no tax at all takes every tax away.
final as (

    select
        source_taxes.partner_id,
        source_taxes.default_price_include,
        coalesce(destinations.tax_id, source_taxes.source_tax_id) as tax_id
    from source_taxes
    left join taxes as destinations
        on
            destinations.tax_id = any(source_taxes.destination_tax_ids)
            and source_taxes.source_tax_id = any(destinations.replaced_tax_ids)
    where
        source_taxes.source_tax_id is not null
        and (
            source_taxes.fiscal_position_id is null
            or cardinality(source_taxes.destination_tax_ids) > 0
        )

)

select * from final
