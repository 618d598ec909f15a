-- Odoo's own resolution: the delivery contact's manual position, else the partner's, else no
-- position for a partner without country, else the first automatic position that fits.
with partners as (

    select * from {{ ref('stg_odoo__res_partner') }}

),

positions as (

    select *
    from {{ ref('stg_odoo__account_fiscal_position') }}
    where
        company_id = {{ var('odoo_company_id', 1) }}
        and is_active
        and is_auto_applied

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

places as (

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

),

fitting as (

    select
        places.partner_id,
        positions.fiscal_position_id,
        positions.sequence,
        positions.country_group_id is not null as needs_country_group
    from places
    inner join positions
        on
            (positions.country_id is null or places.country_id = positions.country_id)
            and (
                cardinality(coalesce(positions.state_ids, '{}')) = 0
                or places.state_id = any(positions.state_ids)
            )
            and (
                coalesce(positions.postal_code_from, '') = ''
                or places.postal_code between positions.postal_code_from
                and positions.postal_code_to
            )
            and (not coalesce(positions.is_vat_required, false) or places.has_vat_number)
    where places.own_country_id is not null

),

first_fitting as (

    select distinct on (partner_id)
        partner_id,
        fiscal_position_id,
        needs_country_group
    from fitting
    order by partner_id, sequence, fiscal_position_id

),

final as (

    select
        places.partner_id,
        places.delivery_partner_id,
        places.country_code,
        places.state_code,
        places.manual_position_id is not null as is_manual,
        coalesce(places.manual_position_id, first_fitting.fiscal_position_id) as fiscal_position_id,
        case
            when not coalesce(places.is_active, true) then 'partner_archived'
            when places.manual_position_id is not null then null
            when places.own_country_id is null or places.country_id is null then 'no_country'
            -- Odoo falls to International here and charges nothing: the trap of the chart.
            when
                places.country_code = 'CA'
                and coalesce(places.state_country_id <> places.country_id, true)
                then 'canada_without_province'
            when first_fitting.needs_country_group then 'position_needs_country_group'
        end as problem
    from places
    left join first_fitting on places.partner_id = first_fitting.partner_id

)

select * from final
