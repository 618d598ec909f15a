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

states as (

    select * from {{ ref('stg_odoo__res_country_state') }}

),

-- Contacts of one company are one customer: e-mail and names are compared over all of them,
-- the candidate is the company.
searchable_partners as (

    select
        coalesce(partners.commercial_partner_id, partners.partner_id) as partner_id,
        nullif(lower(trim(partners.email)), '') as email,
        nullif(lower(trim(partners.partner_reference)), '') as partner_reference,
        nullif(regexp_replace(lower(partners.vat_number), '[^a-z0-9]', '', 'g'), '') as vat_number,
        nullif(lower(trim(partners.partner_name)), '') as partner_name,
        lower(states.state_code) as state_code,
        lower(states.state_name) as state_name
    from partners
    left join states on partners.state_id = states.state_id
    where coalesce(partners.is_active, true)

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

by_reference as (

    select
        accounts.service,
        accounts.external_customer_id,
        4 as rule_rank,
        'vat_or_reference' as match_rule,
        searchable_partners.partner_id
    from accounts
    inner join searchable_partners
        on
            searchable_partners.partner_reference = lower(accounts.external_customer_id)
            or searchable_partners.vat_number
            = regexp_replace(lower(accounts.vat_number), '[^a-z0-9]', '', 'g')

),

by_email as (

    select
        accounts.service,
        accounts.external_customer_id,
        5 as rule_rank,
        'email' as match_rule,
        searchable_partners.partner_id
    from accounts
    inner join searchable_partners on accounts.email = searchable_partners.email

),

by_name as (

    select
        accounts.service,
        accounts.external_customer_id,
        6 as rule_rank,
        'name_and_province' as match_rule,
        searchable_partners.partner_id
    from accounts
    inner join searchable_partners
        on
            lower(trim(accounts.customer_name)) = searchable_partners.partner_name
            and lower(trim(accounts.province))
            in (searchable_partners.state_code, searchable_partners.state_name)

),

unioned as (

    select * from by_override
    union
    select * from by_link
    union
    select * from by_order
    union
    select * from by_reference
    union
    select * from by_email
    union
    select * from by_name

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
