{{ config(post_hook='analyze {{ this }}') }}

-- Odoo's own resolution: the delivery contact's manual position, else the partner's, else no
-- position for a partner without country, else the first automatic position that fits. Odoo looks at
-- the delivery contact, else at the partner: for each stretch of time in which neither changed.
with positions as (

    select *
    from {{ ref('stg_odoo__account_fiscal_position') }}
    where
        company_id = {{ var('odoo_company_id', 1) }}
        and is_active
        and is_auto_applied

),

partners as (

    select * from {{ ref('stg_snapshots__odoo_res_partner') }}

),

countries as (

    select * from {{ ref('stg_odoo__res_country') }}

),

states as (

    select * from {{ ref('stg_odoo__res_country_state') }}

),

partner_versions as (

    select
        partner_id,
        parent_partner_id,
        partner_name,
        partner_type,
        coalesce(is_company, false) as is_company,
        coalesce(is_active, true) and not is_deleted as is_active,
        country_id,
        state_id,
        postal_code,
        nullif(trim(vat_number), '') is not null as has_vat_number,
        manual_fiscal_position_id,
        valid_from as changed_at,
        case when version_number = 1 then '-infinity' else valid_from end as valid_from,
        valid_until,
        min(seen_at) over (partition by partner_id) as first_seen_at
    from partners

),

-- A contact that came with its partner has always been there; one that was added counts from then on.
delivery_contacts as (

    select
        contacts.*,
        case
            when contacts.first_seen_at > parents.first_seen_at then contacts.changed_at
            else contacts.valid_from
        end as counts_from
    from partner_versions as contacts
    inner join (select distinct partner_id, first_seen_at from partner_versions) as parents
        on contacts.parent_partner_id = parents.partner_id
    where contacts.partner_type = 'delivery' and contacts.is_active and not contacts.is_company

),

-- A person without a delivery contact of its own shares that of its company.
looked_under as (

    select
        partner_id,
        valid_from,
        valid_until,
        partner_id as parent_partner_id,
        1 as place_rank
    from partner_versions
    union all
    select
        partner_id,
        valid_from,
        valid_until,
        parent_partner_id,
        2 as place_rank
    from partner_versions
    where parent_partner_id is not null and not is_company

),

place_changes as (

    select
        partner_id,
        valid_from
    from partner_versions
    union
    select
        looked_under.partner_id,
        change.changed_at as valid_from
    from looked_under
    inner join delivery_contacts
        on looked_under.parent_partner_id = delivery_contacts.parent_partner_id
    cross join lateral (
        values (delivery_contacts.counts_from), (delivery_contacts.valid_until)
    ) as change (changed_at)
    where change.changed_at is not null

),

place_spans as (

    select
        partner_id,
        valid_from,
        lead(valid_from) over (partition by partner_id order by valid_from) as valid_until
    from place_changes

),

delivered as (

    select distinct on (place_spans.partner_id, place_spans.valid_from)
        place_spans.partner_id,
        place_spans.valid_from,
        delivery_contacts.partner_id as delivery_partner_id,
        delivery_contacts.country_id,
        delivery_contacts.state_id,
        delivery_contacts.postal_code,
        delivery_contacts.has_vat_number,
        delivery_contacts.manual_fiscal_position_id
    from place_spans
    inner join looked_under
        on
            place_spans.partner_id = looked_under.partner_id
            and {{ in_force_at('looked_under', 'place_spans.valid_from') }}
    inner join delivery_contacts
        on
            looked_under.parent_partner_id = delivery_contacts.parent_partner_id
            and delivery_contacts.counts_from <= place_spans.valid_from
            and (
                delivery_contacts.valid_until is null
                or place_spans.valid_from < delivery_contacts.valid_until
            )
    order by
        place_spans.partner_id asc, place_spans.valid_from asc, looked_under.place_rank asc,
        delivery_contacts.partner_name asc, delivery_contacts.partner_id desc

),

placed as (

    select
        place_spans.partner_id,
        place_spans.valid_from,
        place_spans.valid_until,
        coalesce(delivered.delivery_partner_id, own.partner_id) as delivery_partner_id,
        own.is_active,
        own.country_id as own_country_id,
        coalesce(delivered.manual_fiscal_position_id, own.manual_fiscal_position_id)
            as manual_position_id,
        case when delivered.partner_id is null then own.country_id else delivered.country_id end
            as country_id,
        case when delivered.partner_id is null then own.state_id else delivered.state_id end
            as state_id,
        case when delivered.partner_id is null then own.postal_code else delivered.postal_code end
            as postal_code,
        coalesce(delivered.has_vat_number, own.has_vat_number) as has_vat_number
    from place_spans
    inner join partner_versions as own
        on
            place_spans.partner_id = own.partner_id
            and {{ in_force_at('own', 'place_spans.valid_from') }}
    left join delivered
        on place_spans.partner_id = delivered.partner_id and place_spans.valid_from = delivered.valid_from

),

places as (

    select
        placed.*,
        countries.country_code,
        states.state_code,
        states.country_id as state_country_id
    from placed
    left join countries on placed.country_id = countries.country_id
    left join states on placed.state_id = states.state_id

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
        places.is_active,
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
