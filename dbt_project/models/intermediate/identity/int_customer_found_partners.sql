{{ config(post_hook='analyze {{ this }}') }}

-- Partners that look like the account today: by reference, by e-mail, by name and province.
with accounts as (

    select * from {{ ref('int_billing_accounts') }}

),

searchable_partners as (

    select * from {{ ref('int_searchable_partners') }}

),

by_reference as (

    select
        accounts.service,
        accounts.external_customer_id,
        6 as rule_rank,
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
        7 as rule_rank,
        'email' as match_rule,
        searchable_partners.partner_id
    from accounts
    inner join searchable_partners on accounts.email = searchable_partners.email

),

by_name as (

    select
        accounts.service,
        accounts.external_customer_id,
        8 as rule_rank,
        'name_and_province' as match_rule,
        searchable_partners.partner_id
    from accounts
    inner join searchable_partners
        on
            lower(trim(accounts.customer_name)) = searchable_partners.partner_name
            and lower(trim(accounts.province))
            in (searchable_partners.state_code, searchable_partners.state_name)

),

final as (

    select * from by_reference
    union
    select * from by_email
    union
    select * from by_name

)

select * from final
