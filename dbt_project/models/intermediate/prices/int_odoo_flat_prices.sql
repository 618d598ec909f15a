with orders as (

    select * from {{ ref('stg_odoo__sale_order') }}

),

order_lines as (

    select *
    from {{ ref('stg_odoo__sale_order_line') }}
    where coalesce(display_type, '') in ('', 'false')

),

odoo_subscriptions as (

    select * from {{ ref('int_odoo_subscriptions') }}

),

product_map as (

    select * from {{ ref('int_product_map') }}

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

-- A product that stands for the base of one plan alone names that plan.
plan_products as (

    select
        service,
        product_id,
        min(plan_code) as plan_code
    from product_map
    where charge = 'base' and product_id is not null and valid_until is null
    group by service, product_id
    having count(*) = 1

),

-- A shadow order carries NexaCloud's id; an order that is itself the subscription carries its own.
identified as (

    select
        sale_order_id,
        'nexacloud' as service,
        external_subscription_id
    from orders
    where coalesce(external_subscription_id, '') <> '' and order_state <> 'cancel'
    union all
    select
        sale_order_id,
        service,
        external_subscription_id
    from odoo_subscriptions

),

-- Where an order says which plan it was made for, it says nothing of another: after a switch the
-- new plan has no flat price until an order gives it one.
priced as (

    select
        identified.sale_order_id,
        identified.service,
        identified.external_subscription_id,
        max(plan_products.plan_code) as plan_code,
        sum(
            order_lines.quantity * order_lines.unit_price
            * (1 - coalesce(order_lines.discount_percent, 0) * 0.01)
        ) as flat_price,
        max(order_lines.updated_at) as updated_at
    from identified
    inner join order_lines on identified.sale_order_id = order_lines.sale_order_id
    left join plan_products
        on
            identified.service = plan_products.service
            and order_lines.product_id = plan_products.product_id
    group by
        identified.sale_order_id, identified.service, identified.external_subscription_id

),

final as (

    select distinct on (priced.service, priced.external_subscription_id)
        priced.sale_order_id,
        priced.service,
        priced.external_subscription_id,
        priced.service || ':' || priced.external_subscription_id as subscription_id,
        priced.plan_code,
        trim_scale(priced.flat_price) as flat_price,
        currencies.currency_code as currency,
        priced.updated_at
    from priced
    inner join orders on priced.sale_order_id = orders.sale_order_id
    left join currencies on orders.currency_id = currencies.currency_id
    order by
        priced.service asc, priced.external_subscription_id asc, priced.sale_order_id desc

)

select * from final
