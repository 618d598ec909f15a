with taxes as (

    select * from {{ ref('int_taxes') }}

),

components as (

    select * from {{ ref('int_tax_components') }}

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
