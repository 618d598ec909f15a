with accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

overrides as (

    select * from {{ ref('customer_overrides') }}

),

account_links as (

    select * from {{ ref('stg_odoo__fusion_billing_account_link') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

partners as (

    select * from {{ ref('stg_odoo__res_partner') }}

),

found_partners as (

    select * from {{ ref('int_customer_found_partners') }}

),

by_override as (

    select
        service,
        external_customer_id,
        1 as rule_rank,
        'override' as match_rule,
        partner_id
    from overrides

),

by_link as (

    select
        billing_services.service,
        account_links.external_customer_id,
        2 as rule_rank,
        'account_link' as match_rule,
        account_links.partner_id
    from account_links
    inner join billing_services
        on account_links.billing_service_id = billing_services.billing_service_id
    where account_links.partner_id is not null

),

-- Where Odoo's own order is the subscription, its customer is the customer.
by_order as (

    select distinct
        service,
        external_customer_id,
        3 as rule_rank,
        'odoo_order' as match_rule,
        order_partner_id as partner_id
    from subscriptions
    where order_partner_id is not null

),

unioned as (

    select * from by_override
    union
    select * from by_link
    union
    select * from by_order
    union
    select * from found_partners

),

final as (

    select
        unioned.service,
        unioned.external_customer_id,
        unioned.rule_rank,
        unioned.match_rule,
        unioned.partner_id,
        partners.partner_name,
        partners.partner_id is not null as is_partner_found,
        coalesce(partners.is_active, false) as is_partner_active
    from unioned
    inner join accounts
        on
            unioned.service = accounts.service
            and unioned.external_customer_id = accounts.external_customer_id
    left join partners on unioned.partner_id = partners.partner_id

)

select * from final
