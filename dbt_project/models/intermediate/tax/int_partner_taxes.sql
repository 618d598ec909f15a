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

resolved as (

    select * from {{ ref('int_partner_resolved_taxes') }}

),

component_lists as (

    select * from {{ ref('int_partner_tax_components') }}

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

tax_lists as (

    select
        resolved.partner_id,
        array_agg(resolved.tax_id order by taxes.sequence, resolved.tax_id) as tax_ids,
        bool_or(not coalesce(taxes.is_active, false)) as has_archived,
        bool_or(taxes.tax_use is distinct from 'sale') as has_wrong_use
    from resolved
    left join taxes on resolved.tax_id = taxes.tax_id
    group by resolved.partner_id

),

judged as (

    select
        positions_of_partners.*,
        coalesce(tax_lists.tax_ids, '{}'::bigint[]) as tax_ids,
        coalesce(component_lists.components, '[]'::jsonb) as components,
        coalesce(component_lists.rate_percent, 0) as rate_percent,
        case
            when positions_of_partners.problem is not null then positions_of_partners.problem
            when source_taxes.source_tax_id is null then 'company_without_default_tax'
            when tax_lists.has_archived or component_lists.has_archived then 'tax_archived'
            when tax_lists.has_wrong_use then 'tax_is_not_a_sale_tax'
            when component_lists.has_price_included then 'tax_included_in_price'
            when component_lists.has_other_amount_type then 'tax_is_not_a_percentage'
        end as tax_problem
    from positions_of_partners
    left join source_taxes on positions_of_partners.partner_id = source_taxes.partner_id
    left join tax_lists on positions_of_partners.partner_id = tax_lists.partner_id
    left join component_lists on positions_of_partners.partner_id = component_lists.partner_id

),

final as (

    select
        partner_id,
        delivery_partner_id,
        country_code,
        state_code,
        fiscal_position_id,
        is_manual,
        tax_ids,
        components,
        rate_percent,
        tax_problem is null as is_taxable_resolved,
        tax_problem as problem
    from judged

)

select * from final
