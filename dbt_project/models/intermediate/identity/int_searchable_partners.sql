{{ config(post_hook='analyze {{ this }}') }}

with partners as (

    select * from {{ ref('stg_odoo__res_partner') }}

),

states as (

    select * from {{ ref('stg_odoo__res_country_state') }}

),

-- Contacts of one company are one customer: e-mail and names are compared over all of them,
-- the candidate is the company.
final as (

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

)

select * from final
