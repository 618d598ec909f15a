{{ config(post_hook='analyze {{ this }}') }}

-- The percentages behind the taxes of each partner.
with components as (

    select * from {{ ref('int_tax_components') }}

),

resolved as (

    select * from {{ ref('int_partner_resolved_taxes') }}

),

final as (

    select
        resolved.partner_id,
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
    group by resolved.partner_id

)

select * from final
