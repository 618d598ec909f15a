with orders as (

    select *
    from {{ ref('stg_odoo__sale_order') }}
    where is_subscription and coalesce(external_subscription_id, '') = ''

),

usage as (

    select * from {{ ref('stg_odoo__fusion_billing_usage') }}

),

charges as (

    select * from {{ ref('stg_odoo__fusion_billing_charge') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

account_links as (

    select * from {{ ref('stg_odoo__fusion_billing_account_link') }}

),

subscription_plans as (

    select * from {{ ref('stg_odoo__sale_subscription_plan') }}

),

currencies as (

    select * from {{ ref('stg_odoo__res_currency') }}

),

-- What the app pushed for the order names its service and its own id of the subscription.
pushed as (

    select distinct on (sale_order_id)
        sale_order_id,
        billing_service_id,
        external_subscription_id
    from usage
    where sale_order_id is not null and external_subscription_id is not null
    order by sale_order_id, billing_usage_id

),

-- A charge that names the recurring plan says which service sells it, and under which code.
plan_charges as (

    select distinct on (subscription_plan_id)
        subscription_plan_id,
        billing_service_id,
        plan_code
    from charges
    where subscription_plan_id is not null
    order by subscription_plan_id, billing_charge_id

),

final as (

    select distinct on (billing_services.service, external_subscription_id)
        billing_services.service,
        coalesce(pushed.external_subscription_id, orders.order_name) as external_subscription_id,
        billing_services.service || ':'
        || coalesce(pushed.external_subscription_id, orders.order_name) as subscription_id,
        coalesce(account_links.external_customer_id, orders.partner_id::text)
            as external_customer_id,
        orders.partner_id,
        orders.sale_order_id,
        coalesce(plan_charges.plan_code, subscription_plans.subscription_plan_name) as plan_code,
        subscription_plans.billing_period_value || ' ' || subscription_plans.billing_period_unit
            as billing_interval,
        currencies.currency_code as currency,
        case
            when orders.subscription_state in ('3_progress', '2_renewal', '7_upsell') then 'active'
            when orders.subscription_state = '4_paused' then 'suspended'
            when orders.subscription_state in ('5_renewed', '6_churn') then 'cancelled'
            else 'draft'
        end as subscription_status,
        orders.ordered_at as started_at,
        orders.updated_at
    from orders
    left join subscription_plans
        on orders.subscription_plan_id = subscription_plans.subscription_plan_id
    left join pushed on orders.sale_order_id = pushed.sale_order_id
    left join plan_charges on orders.subscription_plan_id = plan_charges.subscription_plan_id
    inner join billing_services
        on
            coalesce(pushed.billing_service_id, plan_charges.billing_service_id)
            = billing_services.billing_service_id
    left join account_links
        on
            billing_services.billing_service_id = account_links.billing_service_id
            and orders.partner_id = account_links.partner_id
    left join currencies on orders.currency_id = currencies.currency_id
    where billing_services.service <> 'nexacloud'
    order by
        billing_services.service, external_subscription_id, orders.sale_order_id,
        account_links.external_customer_id

)

select * from final
