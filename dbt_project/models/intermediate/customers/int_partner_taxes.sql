{{ config(post_hook='analyze {{ this }}') }}

with places as (

    select * from {{ ref('int_partner_fiscal_positions') }}

),

fiscal_positions as (

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

    select *
    from {{ ref('int_taxes') }}
    where component_tax_id is not null

),

-- The sale taxes that a fiscal position makes of the company's default one, as configured now; 0
-- stands for no position at all.
mapped_positions as (

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
        mapped_positions.fiscal_position_id,
        company.default_price_include,
        coalesce(destinations.tax_id, company.default_sale_tax_id) as tax_id
    from mapped_positions
    cross join company
    left join taxes as destinations
        on
            destinations.tax_id = any(mapped_positions.destination_tax_ids)
            and company.default_sale_tax_id = any(destinations.replaced_tax_ids)
    where
        company.default_sale_tax_id is not null
        and (
            mapped_positions.fiscal_position_id = 0 or cardinality(mapped_positions.destination_tax_ids) > 0
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
                'rate', trim_scale(components.component_rate_percent)::text
            )
            order by components.component_sequence, components.component_tax_id
        ) as components,
        sum(components.component_rate_percent) as rate_percent,
        bool_or(components.component_amount_type <> 'percent') as has_other_amount_type,
        bool_or(not coalesce(components.is_component_active, false)) as has_archived,
        bool_or(
            coalesce(
                nullif(components.component_price_include_override, ''), resolved.default_price_include,
                'tax_excluded'
            ) = 'tax_included'
        ) as has_price_included
    from resolved
    inner join components on resolved.tax_id = components.tax_id
    group by resolved.fiscal_position_id

),

position_taxes as (

    select
        mapped_positions.fiscal_position_id,
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
    from mapped_positions
    left join company on true
    left join tax_lists on mapped_positions.fiscal_position_id = tax_lists.fiscal_position_id
    left join component_lists
        on mapped_positions.fiscal_position_id = component_lists.fiscal_position_id

),

judged as (

    select
        places.partner_id,
        places.valid_from,
        places.valid_until,
        places.delivery_partner_id,
        places.is_active,
        places.country_code,
        places.state_code,
        places.fiscal_position_id,
        places.is_manual,
        coalesce(position_taxes.tax_ids, '{}'::bigint[]) as tax_ids,
        coalesce(position_taxes.components, '[]'::jsonb) as components,
        coalesce(position_taxes.rate_percent, 0) as rate_percent,
        case
            when places.problem is not null then places.problem
            -- A position that is not there would charge nothing.
            when position_taxes.fiscal_position_id is null then 'position_missing'
            else position_taxes.problem
        end as problem
    from places
    left join position_taxes
        on coalesce(places.fiscal_position_id, 0) = position_taxes.fiscal_position_id

),

-- A place that resolves to nothing says nothing: what a person completed later counts for that time
-- too. Only the newest version may stay unresolved.
final as (

    select
        partner_id,
        coalesce(
            lag(valid_until) over (partition by partner_id order by valid_from), '-infinity'
        ) as valid_from,
        valid_until,
        delivery_partner_id,
        is_active,
        country_code,
        state_code,
        fiscal_position_id,
        is_manual,
        tax_ids,
        components,
        rate_percent,
        problem is null as is_taxable_resolved,
        problem
    from judged
    where problem is null or valid_until is null

)

select * from final
