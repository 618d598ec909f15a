with order_versions as (

    select * from {{ ref('stg_snapshots__odoo_sale_order') }}

),

charges as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_charge') }}
    where valid_until is null

),

usage as (

    select * from {{ ref('stg_odoo__fusion_billing_usage') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

account_links as (

    select * from {{ ref('stg_odoo__fusion_billing_account_link') }}

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

-- A charge that names the recurring plan says which service sells it.
plan_services as (

    select distinct on (subscription_plan_id)
        subscription_plan_id,
        billing_service_id
    from charges
    where subscription_plan_id is not null
    order by subscription_plan_id, billing_charge_id

),

identified as (

    select distinct on (billing_services.service, external_subscription_id)
        orders.sale_order_id,
        billing_services.billing_service_id,
        billing_services.service,
        coalesce(pushed.external_subscription_id, orders.order_name) as external_subscription_id
    from order_versions as orders
    left join pushed on orders.sale_order_id = pushed.sale_order_id
    left join plan_services on orders.subscription_plan_id = plan_services.subscription_plan_id
    inner join billing_services
        on
            coalesce(pushed.billing_service_id, plan_services.billing_service_id)
            = billing_services.billing_service_id
    where
        orders.valid_until is null
        and orders.is_subscription
        and coalesce(orders.external_subscription_id, '') = ''
        and billing_services.service <> 'nexacloud'
    order by billing_services.service, external_subscription_id, orders.sale_order_id

),

final as (

    select distinct on (identified.sale_order_id, versions.version_number)
        identified.service,
        identified.external_subscription_id,
        identified.service || ':' || identified.external_subscription_id as subscription_id,
        coalesce(account_links.external_customer_id, versions.partner_id::text)
            as external_customer_id,
        versions.partner_id,
        versions.sale_order_id,
        'odoo:' || versions.subscription_plan_id as plan_id,
        currencies.currency_code as currency,
        -- A state that Odoo adds one day is nobody's guess.
        case
            when versions.subscription_state in ('3_progress', '2_renewal', '7_upsell')
                then 'active'
            when versions.subscription_state = '4_paused' then 'suspended'
            when versions.subscription_state in ('5_renewed', '6_churn') then 'cancelled'
            when coalesce(nullif(versions.subscription_state, ''), '1_draft') = '1_draft'
                then 'draft'
            else versions.subscription_state
        end as subscription_status,
        versions.ordered_at as started_at,
        versions.version_number,
        versions.is_deleted,
        versions.valid_from,
        versions.valid_until
    from identified
    inner join order_versions as versions on identified.sale_order_id = versions.sale_order_id
    left join account_links
        on
            identified.billing_service_id = account_links.billing_service_id
            and versions.partner_id = account_links.partner_id
    left join currencies on versions.currency_id = currencies.currency_id
    order by
        identified.sale_order_id, versions.version_number, account_links.external_customer_id

)

select * from final
