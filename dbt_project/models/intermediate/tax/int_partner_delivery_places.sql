{{ config(post_hook='analyze {{ this }}') }}

-- Where Odoo looks for the taxes of a partner: at its delivery contact, else at itself.
with partners as (

    select * from {{ ref('stg_odoo__res_partner') }}

),

countries as (

    select * from {{ ref('stg_odoo__res_country') }}

),

states as (

    select * from {{ ref('stg_odoo__res_country_state') }}

),

delivery_contacts as (

    select distinct on (parent_partner_id)
        parent_partner_id,
        partner_id as delivery_partner_id
    from partners
    where
        partner_type = 'delivery'
        and coalesce(is_active, true)
        and not coalesce(is_company, false)
    order by parent_partner_id asc, partner_name asc, partner_id desc

),

delivered as (

    select
        partners.partner_id,
        partners.is_active,
        partners.country_id as own_country_id,
        partners.manual_fiscal_position_id as own_manual_position_id,
        coalesce(
            delivery_contacts.delivery_partner_id, sibling_contacts.delivery_partner_id,
            partners.partner_id
        ) as delivery_partner_id
    from partners
    left join delivery_contacts on partners.partner_id = delivery_contacts.parent_partner_id
    left join delivery_contacts as sibling_contacts
        on
            partners.parent_partner_id = sibling_contacts.parent_partner_id
            and not coalesce(partners.is_company, false)

),

final as (

    select
        delivered.partner_id,
        delivered.is_active,
        delivered.delivery_partner_id,
        delivered.own_country_id,
        delivery.country_id,
        delivery.state_id,
        delivery.postal_code,
        nullif(trim(delivery.vat_number), '') is not null as has_vat_number,
        coalesce(delivery.manual_fiscal_position_id, delivered.own_manual_position_id)
            as manual_position_id,
        countries.country_code,
        states.state_code,
        states.country_id as state_country_id
    from delivered
    inner join partners as delivery on delivered.delivery_partner_id = delivery.partner_id
    left join countries on delivery.country_id = countries.country_id
    left join states on delivery.state_id = states.state_id

)

select * from final
