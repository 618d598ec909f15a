{{ config(post_hook='analyze {{ this }}') }}

-- Odoo's own resolution: the delivery contact's manual position, else the partner's, else no
-- position for a partner without country, else the first automatic position that fits.
with positions as (

    select *
    from {{ ref('stg_odoo__account_fiscal_position') }}
    where
        company_id = {{ var('odoo_company_id', 1) }}
        and is_active
        and is_auto_applied

),

places as (

    select * from {{ ref('int_partner_delivery_places') }}

),

fitting as (

    select
        places.partner_id,
        places.valid_from,
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

    select distinct on (partner_id, valid_from)
        partner_id,
        valid_from,
        fiscal_position_id,
        needs_country_group
    from fitting
    order by partner_id, valid_from, sequence, fiscal_position_id

),

final as (

    select
        places.partner_id,
        places.valid_from,
        places.valid_until,
        places.delivery_partner_id,
        places.country_code,
        places.state_code,
        places.manual_position_id is not null as is_manual,
        coalesce(places.manual_position_id, first_fitting.fiscal_position_id) as fiscal_position_id,
        case
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
    left join first_fitting
        on
            places.partner_id = first_fitting.partner_id
            and places.valid_from = first_fitting.valid_from

)

select * from final
