with components as (

    select * from {{ ref('int_tax_components') }}

),

odoo_taxes as (

    select * from {{ ref('stg_odoo__account_tax') }}

),

company as (

    select * from {{ ref('stg_odoo__res_company') }}

),

taxes as (

    select
        odoo_taxes.tax_id,
        odoo_taxes.tax_name,
        odoo_taxes.amount_type,
        odoo_taxes.tax_use,
        coalesce(
            nullif(odoo_taxes.price_include_override, ''), company.default_price_include,
            'tax_excluded'
        ) = 'tax_included' as is_price_included,
        coalesce(odoo_taxes.is_active, false) as is_active,
        odoo_taxes.company_id,
        odoo_taxes.sequence
    from odoo_taxes
    left join company on odoo_taxes.company_id = company.company_id

),

component_lists as (

    select
        tax_id,
        jsonb_agg(
            jsonb_build_object(
                'tax_id', component_tax_id,
                'name', component_name,
                'rate', trim_scale(rate_percent)::text
            )
            order by sequence, component_tax_id
        ) as components,
        sum(rate_percent) as rate_percent
    from components
    group by tax_id

),

final as (

    select
        taxes.tax_id,
        taxes.tax_name,
        taxes.amount_type,
        taxes.tax_use,
        component_lists.rate_percent,
        coalesce(component_lists.components, '[]'::jsonb) as components,
        taxes.is_price_included,
        taxes.is_active,
        taxes.company_id,
        taxes.sequence
    from taxes
    left join component_lists on taxes.tax_id = component_lists.tax_id

)

select * from final
