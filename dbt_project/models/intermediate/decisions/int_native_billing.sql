{{ config(materialized='view') }}

-- What Odoo would invoice by itself: a confirmed order that carries the subscription's id, or a
-- charge that hangs on a recurrence plan. Drafts and shadow charges bill nothing.
with orders as (

    select *
    from {{ ref('stg_snapshots__odoo_sale_order') }}
    where is_current

),

charges as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}
    where is_current

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

confirmed_orders as (

    select
        'nexacloud' as service,
        external_subscription_id,
        null::text as plan_code,
        'order ' || string_agg(order_name, ', ' order by order_name) || ' is confirmed' as reason
    from orders
    where external_subscription_id is not null and order_state in ('sale', 'done')
    group by external_subscription_id

),

live_charges as (

    select
        billing_services.service,
        null::text as external_subscription_id,
        charges.plan_code,
        'the charge of plan ' || charges.plan_code || ' is live' as reason
    from charges
    inner join billing_services
        on charges.billing_service_id = billing_services.billing_service_id
    where charges.subscription_plan_id is not null and coalesce(charges.is_active, true)
    group by billing_services.service, charges.plan_code

),

final as (

    select * from confirmed_orders
    union all
    select * from live_charges

)

select * from final
