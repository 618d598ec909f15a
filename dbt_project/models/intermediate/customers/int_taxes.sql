with taxes as (

    select * from {{ ref('stg_odoo__account_tax') }}

),

companies as (

    select * from {{ ref('stg_odoo__res_company') }}

),

-- A group tax carries a meaningless amount of 100; its children are what is charged.
components as (

    select
        taxes.tax_id,
        children.tax_id as component_tax_id,
        children.tax_name,
        children.rate_percent,
        children.amount_type,
        children.is_active,
        children.sequence,
        children.price_include_override
    from taxes
    cross join lateral unnest(taxes.child_tax_ids) as child (tax_id)
    inner join taxes as children on child.tax_id = children.tax_id
    where taxes.amount_type = 'group'
    union all
    select
        tax_id,
        tax_id as component_tax_id,
        tax_name,
        rate_percent,
        amount_type,
        is_active,
        sequence,
        price_include_override
    from taxes
    where amount_type <> 'group'

),

final as (

    select
        taxes.tax_id,
        taxes.tax_name,
        taxes.amount_type,
        taxes.tax_use,
        coalesce(
            nullif(taxes.price_include_override, ''), companies.default_price_include,
            'tax_excluded'
        ) = 'tax_included' as is_price_included,
        coalesce(taxes.is_active, false) as is_active,
        taxes.company_id,
        taxes.sequence,
        components.component_tax_id,
        components.tax_name as component_name,
        components.rate_percent as component_rate_percent,
        components.amount_type as component_amount_type,
        components.is_active as is_component_active,
        components.sequence as component_sequence,
        components.price_include_override as component_price_include_override
    from taxes
    left join companies on taxes.company_id = companies.company_id
    left join components on taxes.tax_id = components.tax_id

)

select * from final
