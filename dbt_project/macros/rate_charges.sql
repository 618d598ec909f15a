{#-
    Rates any relation of charges, one row a charge, and adds the amounts to its columns.

    In: charge_kind, charge_model, is_trial, used_quantity, included_quantity, unit_price, base_fee,
    package_size, rate_percent, minimum_amount, maximum_amount, tiers (jsonb list of from, to,
    unit_price, flat_fee), discount (jsonb: percent or amount), fraction_numerator,
    fraction_denominator, decimals.

    Out: prorated_included_quantity, billable_quantity (both to 6 decimals, to be read), exact_amount
    (unrounded, after maximum and discount), discount_exact_amount (what a discount took off), amount (rounded once), minimum_exact_amount and
    minimum_shortfall_amount (what the minimum asks beyond the rounded amount; else null).

    Nothing is divided before the end: quantities and amounts are carried multiplied by the fraction's
    denominator, so that 33 of 720 hours of 200.00 is right to the last digit.
-#}
{% macro rate_charges(relation) -%}
(
    with measured as (

        select
            charges.*,
            greatest(
                coalesce(charges.used_quantity, 0) * charges.fraction_denominator
                - coalesce(charges.included_quantity, 0) * charges.fraction_numerator,
                0
            ) as scaled_billable
        from {{ relation }} as charges

    ),

    tiered as (

        select
            measured.*,
            tier_amounts.scaled_graduated,
            tier_amounts.scaled_volume
        from measured
        left join lateral (
            select
                sum(
                    case
                        when tier.ordinal = 1 or measured.scaled_billable > tier.scaled_from
                            then tier.flat_fee * measured.fraction_denominator
                            + tier.unit_price * (
                                least(measured.scaled_billable, tier.scaled_to) - tier.scaled_from
                            )
                        else 0
                    end
                ) as scaled_graduated,
                sum(
                    case
                        when
                            (tier.ordinal = 1 or measured.scaled_billable > tier.scaled_from)
                            and measured.scaled_billable <= tier.scaled_to
                            then tier.flat_fee * measured.fraction_denominator
                            + tier.unit_price * measured.scaled_billable
                        else 0
                    end
                ) as scaled_volume
            from (
                select
                    bounds.ordinal,
                    (bounds.tier ->> 'from')::numeric * measured.fraction_denominator as scaled_from,
                    coalesce(
                        (bounds.tier ->> 'to')::numeric * measured.fraction_denominator,
                        measured.scaled_billable
                    ) as scaled_to,
                    (bounds.tier ->> 'unit_price')::numeric
                    * {{ tier_price_unit('measured.charge_model') }} as unit_price,
                    (bounds.tier ->> 'flat_fee')::numeric as flat_fee
                from jsonb_array_elements(measured.tiers) with ordinality as bounds (tier, ordinal)
            ) as tier
        ) as tier_amounts on measured.tiers is not null

    ),

    modelled as (

        select
            tiered.*,
            case
                when tiered.is_trial then 0
                when tiered.charge_kind = 'base' then tiered.base_fee * tiered.fraction_numerator
                when tiered.charge_kind = 'one_off' then tiered.base_fee * tiered.fraction_denominator
                when tiered.charge_model = 'per_unit' then tiered.scaled_billable * tiered.unit_price
                when tiered.charge_model = 'percentage'
                    then tiered.scaled_billable * tiered.rate_percent * 0.01
                when tiered.charge_model = 'package'
                    then tiered.fraction_denominator * tiered.unit_price * ceil(
                        {{ exact_divide(
                            'tiered.scaled_billable', '(tiered.package_size * tiered.fraction_denominator)'
                        ) }}
                    )
                when tiered.charge_model in ('graduated', 'graduated_percentage')
                    then tiered.scaled_graduated
                when tiered.charge_model = 'volume' then tiered.scaled_volume
            end as scaled_amount,
            case when not tiered.is_trial then tiered.minimum_amount * tiered.fraction_numerator end
                as scaled_minimum,
            tiered.maximum_amount * tiered.fraction_numerator as scaled_maximum
        from tiered

    ),

    capped as (

        select
            modelled.*,
            least(modelled.scaled_amount, modelled.scaled_maximum) as scaled_full
        from modelled

    ),

    -- An amount is of a whole period, prorated as its fee is; what is charged once is never prorated.
    discounted as (

        select
            capped.*,
            case
                when capped.discount is null then capped.scaled_full
                else greatest(
                    capped.scaled_full * (
                        1 - coalesce((capped.discount ->> 'percent')::numeric, 0) * 0.01
                    )
                    - coalesce((capped.discount ->> 'amount')::numeric, 0)
                    * case
                        when capped.charge_kind = 'one_off' then capped.fraction_denominator
                        else capped.fraction_numerator
                    end,
                    0
                )
            end as scaled_discounted
        from capped

    ),

    divided as (

        select
            discounted.*,
            trim_scale({{ exact_divide('discounted.scaled_discounted', 'discounted.fraction_denominator') }})
                as exact_amount,
            case
                when discounted.discount is not null
                    then trim_scale({{ exact_divide(
                        '(discounted.scaled_full - discounted.scaled_discounted)',
                        'discounted.fraction_denominator'
                    ) }})
            end as discount_exact_amount,
            case
                when discounted.scaled_minimum > discounted.scaled_discounted
                    then {{ exact_divide('discounted.scaled_minimum', 'discounted.fraction_denominator') }}
            end as exact_minimum
        from discounted

    ),

    rounded as (

        select
            divided.*,
            {{ round_money('divided.exact_amount', 'divided.decimals') }} as amount
        from divided

    )

    select
        rounded.*,
        round({{ exact_divide(
            'coalesce(rounded.included_quantity, 0) * rounded.fraction_numerator',
            'rounded.fraction_denominator'
        ) }}, 6) as prorated_included_quantity,
        round({{ exact_divide('rounded.scaled_billable', 'rounded.fraction_denominator') }}, 6)
            as billable_quantity,
        trim_scale(rounded.exact_minimum - rounded.amount) as minimum_exact_amount,
        {{ round_money('rounded.exact_minimum - rounded.amount', 'rounded.decimals') }}
            as minimum_shortfall_amount
    from rounded
)
{%- endmacro %}

{#- What a tier's unit_price counts in: money a unit, or percent of the amount that lies in the tier. -#}
{% macro tier_price_unit(charge_model) -%}
    case when {{ charge_model }} = 'graduated_percentage' then 0.01 else 1 end
{%- endmacro %}

{#- The discount of a line in words, null where there is none. -#}
{% macro discount_text() -%}
    case
        when discount ? 'percent' then (discount ->> 'percent') || '% off'
        when discount ? 'amount'
            then (discount ->> 'amount') || ' ' || currency || ' a period off'
    end
{%- endmacro %}
