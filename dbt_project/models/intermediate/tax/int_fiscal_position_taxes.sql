{{ config(post_hook='analyze {{ this }}') }}

-- The sale taxes that a fiscal position makes of the company's default one, as configured now.
with fiscal_positions as (

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

components as (

    select * from {{ ref('int_tax_components') }}

),

-- 0 stands for no position at all.
positions as (

    select
        fiscal_position_id,
        coalesce(destination_tax_ids, '{}'::bigint[]) as destination_tax_ids
    from fiscal_positions
    union all
    select
        0 as fiscal_position_id,
        '{}'::bigint[] as destination_tax_ids

),

-- Each source tax becomes every tax of the position that says it replaces it, else stays;
-- a position that lists no tax at all takes every tax away.
resolved as (

    select
        positions.fiscal_position_id,
        company.default_price_include,
        coalesce(destinations.tax_id, company.default_sale_tax_id) as tax_id
    from positions
    cross join company
    left join taxes as destinations
        on
            destinations.tax_id = any(positions.destination_tax_ids)
            and company.default_sale_tax_id = any(destinations.replaced_tax_ids)
    where
        company.default_sale_tax_id is not null
        and (
            positions.fiscal_position_id = 0 or cardinality(positions.destination_tax_ids) > 0
        )

),

tax_lists as (

    select
        resolved.fiscal_position_id,
        array_agg(resolved.tax_id order by taxes.sequence, resolved.tax_id) as tax_ids,
        bool_or(not coalesce(taxes.is_active, false)) as has_archived,
        bool_or(taxes.tax_use is distinct from 'sale') as has_wrong_use
    from resolved
    left join taxes on resolved.tax_id = taxes.tax_id
    group by resolved.fiscal_position_id

),

component_lists as (

    select
        resolved.fiscal_position_id,
        jsonb_agg(
            jsonb_build_object(
                'tax_id', components.component_tax_id,
                'name', components.component_name,
                -- Text, so that no reader turns it into a float.
                'rate', trim_scale(components.rate_percent)::text
            )
            order by components.sequence, components.component_tax_id
        ) as components,
        sum(components.rate_percent) as rate_percent,
        bool_or(components.amount_type <> 'percent') as has_other_amount_type,
        bool_or(not coalesce(components.is_active, false)) as has_archived,
        bool_or(
            coalesce(
                nullif(components.price_include_override, ''), resolved.default_price_include,
                'tax_excluded'
            ) = 'tax_included'
        ) as has_price_included
    from resolved
    inner join components on resolved.tax_id = components.tax_id
    group by resolved.fiscal_position_id

),

final as (

    select
        positions.fiscal_position_id,
        coalesce(tax_lists.tax_ids, '{}'::bigint[]) as tax_ids,
        coalesce(component_lists.components, '[]'::jsonb) as components,
        coalesce(component_lists.rate_percent, 0) as rate_percent,
        case
            when company.default_sale_tax_id is null then 'company_without_default_tax'
            when tax_lists.has_archived or component_lists.has_archived then 'tax_archived'
            when tax_lists.has_wrong_use then 'tax_is_not_a_sale_tax'
            when component_lists.has_price_included then 'tax_included_in_price'
            when component_lists.has_other_amount_type then 'tax_is_not_a_percentage'
        end as problem
    from positions
    left join company on true
    left join tax_lists on positions.fiscal_position_id = tax_lists.fiscal_position_id
    left join component_lists
        on positions.fiscal_position_id = component_lists.fiscal_position_id

)

select * from final
