{{ config(post_hook='analyze {{ this }}') }}

with accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

overrides as (

    select * from {{ ref('customer_overrides') }}

),

account_links as (

    select * from {{ ref('stg_snapshots__odoo_fusion_billing_account_link') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

subscription_versions as (

    select * from {{ ref('int_subscription_versions') }}

),

billed_lines as (

    select * from {{ ref('int_billed_lines') }}

),

import_rows as (

    select * from {{ ref('stg_ops__import_rows') }}

),

partners as (

    select *
    from {{ ref('stg_snapshots__odoo_res_partner') }}
    where is_current

),

states as (

    select * from {{ ref('stg_odoo__res_country_state') }}

),

-- Partners that look like the account today: by reference, by e-mail, by name and province.
-- Contacts of one company are one customer: e-mail and names are compared over all of them,
-- the candidate is the company.
searchable_partners as (

    select
        coalesce(partners.commercial_partner_id, partners.partner_id) as partner_id,
        nullif(lower(trim(partners.email)), '') as email,
        nullif(lower(trim(partners.partner_reference)), '') as partner_reference,
        nullif(lower(trim(partners.partner_name)), '') as partner_name,
        lower(states.state_code) as state_code,
        lower(states.state_name) as state_name
    from partners
    left join states on partners.state_id = states.state_id
    where coalesce(partners.is_active, true)

),

by_reference as (

    select
        accounts.service,
        accounts.external_customer_id,
        7 as rule_rank,
        'reference' as match_rule,
        searchable_partners.partner_id
    from accounts
    inner join searchable_partners
        on lower(accounts.external_customer_id) = searchable_partners.partner_reference

),

by_email as (

    select
        accounts.service,
        accounts.external_customer_id,
        8 as rule_rank,
        'email' as match_rule,
        searchable_partners.partner_id
    from accounts
    inner join searchable_partners on accounts.email = searchable_partners.email

),

by_name as (

    select
        accounts.service,
        accounts.external_customer_id,
        9 as rule_rank,
        'name_and_province' as match_rule,
        searchable_partners.partner_id
    from accounts
    inner join searchable_partners
        on
            lower(trim(accounts.customer_name)) = searchable_partners.partner_name
            and lower(trim(accounts.province))
            in (searchable_partners.state_code, searchable_partners.state_name)

),

found_partners as (

    select * from by_reference
    union
    select * from by_email
    union
    select * from by_name

),

by_override as (

    select
        service,
        external_customer_id,
        1 as rule_rank,
        'override' as match_rule,
        partner_id,
        '-infinity'::timestamptz as valid_from,
        null::timestamptz as valid_until
    from overrides

),

links as (

    select
        *,
        min(seen_at) over (partition by billing_service_id, external_customer_id)
            as account_seen_at,
        coalesce(
            lead(is_deleted) over (partition by account_link_id order by version_number), false
        ) as is_withdrawn
    from account_links

),

-- The first link of an account reaches back; one that came later counts from then on. Of two at one
-- time, the one that somebody deleted later gives way to the other.
by_link as (

    select
        billing_services.service,
        links.external_customer_id,
        case when links.is_withdrawn then 3 else 2 end as rule_rank,
        'account_link' as match_rule,
        links.partner_id,
        case
            when links.version_number = 1 and links.seen_at = links.account_seen_at
                then '-infinity'
            else links.valid_from
        end as valid_from,
        links.valid_until
    from links
    inner join billing_services on links.billing_service_id = billing_services.billing_service_id
    where links.partner_id is not null and not links.is_deleted

),

-- Where Odoo's own order is the subscription, its customer is the customer while it says so.
by_order as (

    select
        service,
        external_customer_id,
        4 as rule_rank,
        'odoo_order' as match_rule,
        order_partner_id as partner_id,
        min(valid_from) as valid_from,
        nullif(max(valid_until), 'infinity') as valid_until
    from subscription_versions
    where order_partner_id is not null
    group by service, external_customer_id, order_partner_id

),

-- Who was billed stays the customer: an edited e-mail moves nobody.
by_ledger as (

    select distinct on (service, content ->> 'external_customer_id')
        service,
        content ->> 'external_customer_id' as external_customer_id,
        5 as rule_rank,
        'billed_before' as match_rule,
        partner_id,
        '-infinity'::timestamptz as valid_from,
        null::timestamptz as valid_until
    from billed_lines
    order by
        service asc, content ->> 'external_customer_id' asc, service_period_start desc,
        billing_period_start desc, document_key desc

),

-- Whom the importer created for the account, whatever became of its reference and e-mail.
by_import as (

    select
        split_part(import_key, ':', 2) as service,
        regexp_replace(import_key, '^[^:]*:[^:]*:', '') as external_customer_id,
        6 as rule_rank,
        'imported' as match_rule,
        odoo_id as partner_id,
        '-infinity'::timestamptz as valid_from,
        null::timestamptz as valid_until
    from import_rows
    where kind = 'partner' and origin = 'created' and odoo_id is not null

),

unioned as (

    select * from by_override
    union
    select * from by_link
    union
    select * from by_order
    union
    select * from by_ledger
    union
    select * from by_import
    union
    select
        service,
        external_customer_id,
        rule_rank,
        match_rule,
        partner_id,
        '-infinity'::timestamptz as valid_from,
        null::timestamptz as valid_until
    from found_partners

),

final as (

    select
        unioned.service,
        unioned.external_customer_id,
        unioned.rule_rank,
        unioned.match_rule,
        unioned.partner_id,
        unioned.valid_from,
        unioned.valid_until,
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
