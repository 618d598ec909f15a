with taxes as (

    select * from {{ ref('int_taxes') }}

),

final as (

    select
        tax_id,
        tax_name,
        amount_type,
        tax_use,
        sum(component_rate_percent) as rate_percent,
        coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'tax_id', component_tax_id,
                    'name', component_name,
                    'rate', trim_scale(component_rate_percent)::text
                )
                order by component_sequence, component_tax_id
            ) filter (where component_tax_id is not null),
            '[]'::jsonb
        ) as components,
        is_price_included,
        is_active,
        company_id,
        sequence
    from taxes
    group by
        tax_id, tax_name, amount_type, tax_use, is_price_included, is_active, company_id, sequence

)

select * from final
