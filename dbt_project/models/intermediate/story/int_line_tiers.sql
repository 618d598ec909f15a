{{ config(materialized='view') }}

with rated_charges as (

    select *
    from {{ ref('int_rated_charges') }}
    where tiers is not null

),

rated_lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'usage'

),

tiers as (

    select
        rated_lines.line_key,
        rated_charges.charge_model,
        rated_charges.billable_quantity,
        bounds.tier_number,
        (bounds.tier ->> 'from')::numeric as tier_from,
        (bounds.tier ->> 'to')::numeric as tier_to,
        (bounds.tier ->> 'unit_price')::numeric as unit_price,
        (bounds.tier ->> 'flat_fee')::numeric as flat_fee
    from rated_lines
    inner join rated_charges
        on
            rated_lines.subscription_id = rated_charges.subscription_id
            and rated_lines.period_type = rated_charges.period_type
            and rated_lines.segment_start = rated_charges.segment_start
            and rated_lines.charge = rated_charges.charge
    cross join
        lateral jsonb_array_elements(rated_charges.tiers)
        with ordinality as bounds (tier, tier_number)

),

-- Graduated fills tier after tier; volume puts all units into the one that they reach.
reached as (

    select
        *,
        (tier_number = 1 or billable_quantity > tier_from)
        and (
            charge_model = 'graduated' or tier_to is null or billable_quantity <= tier_to
        ) as is_reached
    from tiers

),

filled as (

    select
        *,
        case
            when charge_model = 'volume' then billable_quantity
            else least(billable_quantity, tier_to) - tier_from
        end as units_in_tier
    from reached
    where is_reached

),

final as (

    select
        line_key,
        tier_number,
        jsonb_build_object(
            'tier', tier_number,
            'from', tier_from::text,
            'to', tier_to::text,
            'units', trim_scale(units_in_tier)::text,
            'unit_price', unit_price::text,
            'flat_fee', flat_fee::text,
            'amount', trim_scale(units_in_tier * unit_price + flat_fee)::text
        ) as tier
    from filled

)

select * from final
