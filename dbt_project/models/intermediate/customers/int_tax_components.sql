with taxes as (

    select * from {{ ref('stg_odoo__account_tax') }}

),

-- A group tax carries a meaningless amount of 100; its children are what is charged.
group_children as (

    select
        taxes.tax_id,
        children.tax_id as component_tax_id,
        children.tax_name as component_name,
        children.rate_percent,
        children.amount_type,
        children.is_active,
        children.sequence,
        children.price_include_override
    from taxes
    cross join lateral unnest(taxes.child_tax_ids) as child (tax_id)
    inner join taxes as children on child.tax_id = children.tax_id
    where taxes.amount_type = 'group'

),

single_taxes as (

    select
        tax_id,
        tax_id as component_tax_id,
        tax_name as component_name,
        rate_percent,
        amount_type,
        is_active,
        sequence,
        price_include_override
    from taxes
    where amount_type <> 'group'

),

final as (

    select * from group_children
    union all
    select * from single_taxes

)

select * from final
